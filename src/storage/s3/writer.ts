/**
 * Writes one object into a bucket.
 *
 *   1 collect    bytes fill a buffer                      up to one buffer: nothing was sent, nothing to clean up
 *   2 begin      a multipart upload, with the first full buffer   killed from here on: the next start aborts it
 *   3 parts      of one size, a few at a time             a part's bytes are kept until the service has them
 *   4 complete   the object appears, whole                killed after this: the object exists
 *   5 verify     size and writer as the service has them  only now may the caller record it
 *
 * A small object is one PUT instead of 2 to 4. If a response was lost, the writer's id in the object's metadata shows
 * whether the request was carried out.
 */
import { randomUUID } from 'node:crypto';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import type { ObjectKey } from '../key.ts';
import { BodyBuffer, type BodyRules } from './body.ts';
import type { OpenUpload, S3Bucket, SentPart } from './bucket.ts';
import { serviceCode } from './failure.ts';
import { bufferCount, MAX_PARTS, tooManyParts } from './parts.ts';
import type { ObjectWriter } from '../store.ts';

export interface S3WriterOptions {
  readonly bucket: S3Bucket;
  readonly key: ObjectKey;
  /** The key with the store's prefix. */
  readonly name: string;
  readonly partSize: number;
  readonly rules: BodyRules;
  /** Ids of this process's open uploads, and names of those that are being begun, which `sweep` must not abort. */
  readonly underWay: Set<string>;
  /** Aborts uploads of this name that this process does not have open. */
  readonly sweep: () => Promise<void>;
}

export class S3Writer implements ObjectWriter {
  readonly #place: S3WriterOptions;
  readonly #doing: string;
  readonly #id = randomUUID();
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #buffers: BodyBuffer[] = [];
  readonly #sending = new Set<Promise<void>>();
  readonly #parts: SentPart[] = [];
  #made = 0;
  #filling: BodyBuffer | undefined;
  #upload: OpenUpload | undefined;
  #sent = 0;
  #size = 0;
  #state: 'open' | 'failed' | 'committed' | 'aborted' = 'open';
  #fault: unknown;
  /** True when an upload, or a whole object, may exist although no response said so. */
  #doubtfulUpload = false;
  #doubtfulObject = false;
  #writing: Promise<unknown> = Promise.resolve();
  #aborting: Promise<void> | undefined;

  constructor(place: S3WriterOptions, signal: AbortSignal | undefined) {
    this.#place = place;
    this.#doing = `Cannot store ${place.key}`;
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([this.#stop.signal, signal]);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    const writing = this.#take(bytes);
    this.#writing = writing.catch(() => undefined);
    await writing;
  }

  async commit(): Promise<void> {
    this.#requireOpen();
    try {
      this.#requireGoing();
      if (this.#upload === undefined) await this.#putWhole();
      else await this.#completeUpload(this.#upload);
      await this.#look();
      this.#state = 'committed';
    } catch (error) {
      this.#state = 'failed';
      // What cannot be removed now goes with the backup or the next sweep. Report the first error.
      await this.abort().catch(() => undefined);
      throw error;
    }
    this.#release();
    if (this.#doubtfulUpload) await this.#place.sweep().catch(() => undefined);
  }

  async abort(): Promise<void> {
    if (this.#state === 'committed') return;
    this.#state = 'aborted';
    this.#aborting ??= this.#takeBack();
    try {
      await this.#aborting;
    } catch (error) {
      // A second call tries again.
      this.#aborting = undefined;
      throw error;
    }
  }

  #requireOpen(): void {
    if (this.#state === 'open') return;
    throw new Failure('internal', `${this.#doing}: the writer is ${this.#state}`);
  }

  /** The first failed part stops the others; its error is the one to report. */
  #requireGoing(): void {
    if (this.#fault !== undefined) throw this.#fault;
    throwIfAborted(this.#signal, this.#doing);
  }

  async #take(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.byteLength;) {
        const buffer = (this.#filling ??= await this.#nextBuffer());
        done += buffer.fill(bytes.subarray(done));
        if (buffer.isFull) await this.#ship(buffer);
      }
      this.#size += bytes.byteLength;
    } catch (error) {
      if (this.#state === 'open') this.#state = 'failed';
      throw error;
    }
  }

  /** A free buffer. Waiting for one slows the archive down to the network's speed. */
  async #nextBuffer(): Promise<BodyBuffer> {
    for (;;) {
      this.#requireGoing();
      const free = this.#buffers.pop();
      if (free !== undefined) return free;
      if (this.#made < bufferCount(this.#place.partSize)) {
        this.#made++;
        return new BodyBuffer(this.#place.partSize, this.#place.rules);
      }
      await Promise.race(this.#sending);
    }
  }

  async #ship(buffer: BodyBuffer): Promise<void> {
    const { bucket, partSize } = this.#place;
    this.#filling = undefined;
    this.#requireGoing();
    if (this.#sent === MAX_PARTS) throw tooManyParts(partSize);
    const upload = (this.#upload ??= await this.#begin());
    this.#requireGoing();
    const number = ++this.#sent;
    const options = { signal: this.#signal, patience: 'long' as const };
    const sending = bucket
      .sendPart(upload, { number, body: buffer.seal() }, this.#doing, options)
      .then((part) => {
        this.#parts.push(part);
        buffer.reset();
        this.#buffers.push(buffer);
      })
      .catch((error: unknown) => {
        this.#fault ??= error;
        // The other parts are useless now.
        this.#stop.abort();
      })
      .finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async #begin(): Promise<OpenUpload> {
    const { bucket, name, underWay } = this.#place;
    const options = {
      signal: this.#signal,
      patience: 'long' as const,
      onTransient: () => void (this.#doubtfulUpload = true),
    };
    underWay.add(name);
    try {
      const id = await bucket.createUpload(name, this.#id, this.#doing, options);
      underWay.add(id);
      return { name, id };
    } catch (error) {
      // Even when cancelled: the request may still reach the service.
      this.#doubtfulUpload = true;
      throw error;
    } finally {
      underWay.delete(name);
    }
  }

  async #putWhole(): Promise<void> {
    const { bucket, name, rules } = this.#place;
    const body = (this.#filling ?? new BodyBuffer(0, rules)).seal();
    this.#doubtfulObject = true;
    const options = { signal: this.#signal, patience: 'long' as const };
    await bucket.put({ name, body, writer: this.#id }, this.#doing, options);
  }

  async #completeUpload(upload: OpenUpload): Promise<void> {
    const { bucket } = this.#place;
    const rest = this.#filling;
    if (rest !== undefined && rest.length > 0) await this.#ship(rest);
    await Promise.all(this.#sending);
    if (this.#fault !== undefined) throw this.#fault;
    const parts = [...this.#parts].sort((left, right) => left.number - right.number);
    this.#doubtfulObject = true;
    try {
      await bucket.completeUpload(upload, parts, this.#doing, { signal: this.#signal, patience: 'long' });
    } catch (error) {
      // An earlier attempt whose response was lost has done it if the object is this writer's.
      if (serviceCode(error) !== 'NoSuchUpload') throw error;
      const facts = await bucket.head(this.#place.name, this.#doing, { signal: this.#signal });
      if (facts?.writer !== this.#id) throw error;
    }
  }

  /** A service may have stored less than it confirmed. */
  async #look(): Promise<void> {
    const { bucket, name } = this.#place;
    const facts = await bucket.head(name, this.#doing, { signal: this.#signal, patience: 'long' });
    if (facts?.size === this.#size) return;
    const kept = facts === undefined ? 'nothing' : `${facts.size}`;
    throw new Failure('store_unreachable', `${this.#doing}: the service kept ${kept} of ${this.#size} bytes`, {
      facts: { size: this.#size, kept: facts?.size ?? null },
      hint: 'The service said that it had stored them. Look into its own log.',
      retry: true,
    });
  }

  async #takeBack(): Promise<void> {
    const { bucket, name, sweep } = this.#place;
    this.#stop.abort();
    await this.#writing;
    await Promise.all(this.#sending);
    try {
      if (this.#doubtfulObject) await this.#removeOwn();
      if (this.#upload !== undefined) await bucket.abortUpload(this.#upload, `Cannot take back ${name}`);
    } finally {
      // What stays is under way no more: it goes with a removal, or the next sweep.
      this.#release();
    }
    if (this.#doubtfulUpload) await sweep();
  }

  /** Removes an object that appeared although its commit failed, but never another writer's. */
  async #removeOwn(): Promise<void> {
    const { bucket, name } = this.#place;
    const doing = `Cannot take back ${name}`;
    const facts = await bucket.head(name, doing);
    if (facts?.writer === this.#id) await bucket.remove(name, doing);
    this.#doubtfulObject = false;
  }

  #release(): void {
    if (this.#upload !== undefined) this.#place.underWay.delete(this.#upload.id);
    this.#filling = undefined;
    this.#buffers.length = 0;
  }
}
