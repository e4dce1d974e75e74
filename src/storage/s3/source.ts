/**
 * A byte source that reads one version of an object by ranges.
 *
 * Consecutive reads are served from windows that grow, so that reading a whole archive takes few requests; single reads
 * fetch exactly what they ask for. A cut connection resumes at the byte where it broke off.
 */
import { MEBIBYTE } from '../../base/sizes.ts';
import { Failure, throwIfAborted, unlessAborted } from '../../base/failure.ts';
import type { ByteSource } from '../../base/source.ts';
import type { ObjectKey } from '../key.ts';
import { isMissing, type ObjectFacts, type S3Bucket } from './bucket.ts';
import { connectionError, explainS3Error, isTransient, serviceCode } from './failure.ts';
import type { RetryPort } from '../../base/retry.ts';
import { retried } from './retry.ts';

const DOING = 'Cannot read the archive';

/** After this many consecutive reads, more are expected. */
const RUN = 3;
const FIRST_WINDOW = 512 * 1024;
const LARGEST_WINDOW = 2 * MEBIBYTE;
/** Threads read in parallel, so the window before the newest is still needed. */
const WINDOWS = 2;

interface Window {
  readonly start: number;
  readonly end: number;
  readonly memory: Buffer;
  readonly filled: Promise<void>;
  /** Reads that wait for it or copy from its memory. */
  readers: number;
  isFilled: boolean;
}

interface Target {
  readonly offset: number;
  readonly bytes: Uint8Array;
  done: number;
}

export interface S3SourceOptions {
  readonly bucket: S3Bucket;
  readonly key: ObjectKey;
  /** The key with the store's prefix. */
  readonly name: string;
  readonly facts: ObjectFacts;
  readonly retry: RetryPort;
}

export class S3Source implements ByteSource {
  readonly size: number;
  readonly identity: string;
  readonly givesAway = true;
  readonly #bucket: S3Bucket;
  readonly #key: ObjectKey;
  readonly #name: string;
  readonly #etag: string;
  readonly #retry: RetryPort;
  readonly #closing = new AbortController();
  #windows: Window[] = [];
  /** Memory of a window no longer read, for reuse: otherwise reading an archive leaves garbage of its size. */
  #spare: Buffer | undefined;
  #next = -1;
  #run = 0;

  constructor({ bucket, key, name, facts, retry }: S3SourceOptions) {
    this.size = facts.size;
    this.identity = `${name} ${facts.size} ${facts.etag}`;
    this.#bucket = bucket;
    this.#key = key;
    this.#name = name;
    this.#etag = facts.etag;
    this.#retry = retry;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    throwIfAborted(signal, DOING);
    this.#expectInside(offset, length);
    const bytes = Buffer.allocUnsafeSlow(length);
    await this.readInto(offset, bytes, signal);
    return bytes;
  }

  async readInto(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal, DOING);
    const length = into.byteLength;
    this.#expectInside(offset, length);
    if (length === 0) return;
    this.#follow(offset, length);
    const window = this.#windowFor(offset, length);
    if (window === undefined) return this.#fetch(offset, into, signal);
    window.readers++;
    try {
      // Other reads may wait for the same window, so an abort ends only this wait.
      await unlessAborted(window.filled, signal, DOING);
      const at = offset - window.start;
      into.set(window.memory.subarray(at, at + length));
    } finally {
      window.readers--;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#windows = [];
    this.#spare = undefined;
  }

  /** Before allocating: a damaged index may ask for any range. */
  #expectInside(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.size) throw this.#short(offset + length);
  }

  #follow(offset: number, length: number): void {
    this.#run = offset === this.#next ? this.#run + 1 : 0;
    this.#next = offset + length;
  }

  #windowFor(offset: number, length: number): Window | undefined {
    const known = this.#windows.find(({ start, end }) => offset >= start && offset + length <= end);
    if (known !== undefined || this.#run < RUN) return known;
    const ahead = Math.min(LARGEST_WINDOW, FIRST_WINDOW * 2 ** (this.#run - RUN));
    const end = Math.min(this.size, offset + Math.max(ahead, length));
    if (this.#windows.length === WINDOWS) this.#drop(this.#windows[0]);
    const memory = this.#memoryOf(end - offset);
    const filled = this.#fetch(offset, memory, undefined);
    const window: Window = { start: offset, end, memory, filled, readers: 0, isFilled: false };
    this.#windows.push(window);
    filled.then(
      () => {
        window.isFilled = true;
      },
      () => {
        // The next read requests it again.
        this.#windows = this.#windows.filter((other) => other !== window);
      },
    );
    return window;
  }

  #drop(window: Window | undefined): void {
    this.#windows = this.#windows.filter((other) => other !== window);
    // A window that is still being filled is written to, even if its reader was cancelled.
    if (window?.isFilled === true && window.readers === 0) this.#spare = window.memory;
  }

  #memoryOf(length: number): Buffer {
    const spare = this.#spare;
    if (spare === undefined || spare.byteLength < length) return Buffer.allocUnsafeSlow(length);
    this.#spare = undefined;
    return spare.subarray(0, length);
  }

  /** Fills all of `bytes`. */
  async #fetch(offset: number, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const stop = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    const target = { offset, bytes, done: 0 };
    try {
      // A cut after some progress starts a new series of attempts; only attempts without progress count.
      const options = { port: this.#retry, patience: 'long', signal: stop } as const;
      while (!(await retried(() => this.#fill(target, stop), options))) throwIfAborted(stop, DOING);
    } catch (error) {
      throwIfAborted(signal, DOING);
      throw this.#explain(error);
    }
  }

  /** One request for the missing bytes. False when it brought some of them; rejects when it brought none. */
  async #fill(target: Target, stop: AbortSignal): Promise<boolean> {
    const before = target.done;
    try {
      const missing = target.bytes.byteLength - target.done;
      for await (const chunk of this.#stream(target.offset + target.done, missing, stop)) {
        const taken = chunk.subarray(0, target.bytes.byteLength - target.done);
        target.bytes.set(taken, target.done);
        target.done += taken.byteLength;
      }
    } catch (error) {
      if (target.done === before || !isTransient(error)) throw error;
    }
    if (target.done > before) return target.done === target.bytes.byteLength;
    throw connectionError('the answer was empty', 'IncompleteBody');
  }

  async *#stream(offset: number, length: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const range = { offset, length, etag: this.#etag };
    const answer = await this.#bucket.get(this.#name, DOING, { signal, patience: 'once' }, range);
    const body = answer.Body as (AsyncIterable<Uint8Array> & { destroy?: () => void }) | undefined;
    if (body === undefined) return;
    try {
      if (answer.ContentRange?.startsWith(`bytes ${offset}-`) !== true && length < this.size) {
        throw new Failure('store_unreachable', `${DOING}: the service does not answer ranges`, {
          facts: { key: this.#key, contentRange: answer.ContentRange ?? null },
        });
      }
      yield* body;
    } finally {
      body.destroy?.();
    }
  }

  #explain(error: unknown): Failure {
    const failure = explainS3Error(error, DOING, this.#bucket.place);
    const code = serviceCode(failure);
    if (isMissing(failure)) return this.#gone('was removed', failure);
    if (code === 'PreconditionFailed') return this.#gone('was replaced', failure);
    if (code === 'InvalidRange') return this.#short(this.size);
    return failure;
  }

  #gone(what: string, cause: Failure): Failure {
    return new Failure('archive_damaged', `${DOING}: ${this.#key} ${what} in the store while it was read`, {
      cause,
      facts: { key: this.#key },
      hint: 'Open it again.',
    });
  }

  #short(end: number): Failure {
    return new Failure('archive_damaged', `${DOING}: ${this.#key} ends before byte ${end}`, {
      facts: { key: this.#key, size: this.size },
    });
  }
}
