/**
 * Writes one object into a local store.
 *
 *   1 create   a temporary name beside the final one          killed from here on: the next open() removes it
 *   2 write    every byte, continuing short writes; writing back to disk starts meanwhile
 *   3 sync     the file's bytes and length reach the disk
 *   4 close    checked: network and quota file systems report a full disk only here
 *   5 rename   the object gets its name                      killed after this: it exists, or (power cut) it does not
 *   6 sync     the directory: the name survives a power cut  only now may the caller record it
 */
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { StreamWriteBack } from '../../base/files/write-back.ts';
import type { ObjectKey } from '../key.ts';
import { explainStoreError } from './failure.ts';
import { isThere, removeIfThere, type StoreFiles } from './files.ts';
import type { ObjectWriter } from '../store.ts';

export interface LocalWriterOptions {
  readonly key: ObjectKey;
  /** The store's directory, for messages and free space. */
  readonly directory: string;
  readonly partial: string;
  readonly final: string;
  readonly files: StoreFiles;
  /** Called once, when the partial file no longer exists. */
  readonly onEnd: () => void;
}

export class LocalWriter implements ObjectWriter {
  readonly #place: LocalWriterOptions;
  #handle: FileHandle | null;
  #state: 'open' | 'failed' | 'committed' | 'aborted' = 'open';
  #written = 0;
  #writing: Promise<unknown> = Promise.resolve();
  readonly #writeBack: StreamWriteBack;

  /** @param handle of the partial file, just created; the writer closes it. */
  constructor(place: LocalWriterOptions, handle: FileHandle) {
    this.#place = place;
    this.#handle = handle;
    this.#writeBack = new StreamWriteBack(handle.fd);
  }

  async write(bytes: Uint8Array): Promise<void> {
    const writing = this.#writeAll(this.#requireOpen(), bytes);
    this.#writing = writing;
    await writing;
  }

  async commit(): Promise<void> {
    const handle = this.#requireOpen();
    try {
      await handle.sync();
      await this.#close();
      const replaces = await isThere(this.#place.final);
      await this.#place.files.rename(this.#place.partial, this.#place.final);
      await this.#syncName(replaces);
      this.#state = 'committed';
      this.#place.onEnd();
    } catch (error) {
      this.#state = 'failed';
      const failure = await this.#explain(error, 0);
      // A file that cannot be removed now is removed at the next opening. Report the first error.
      await this.abort().catch(() => undefined);
      throw failure;
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'committed' || this.#state === 'aborted') return;
    this.#state = 'aborted';
    // A running write would fail on a closed descriptor, or hit another file with the same number.
    await this.#writing.catch(() => undefined);
    try {
      await this.#close().catch(() => undefined);
      await removeIfThere(this.#place.files, this.#place.partial);
    } catch (error) {
      throw await explainStoreError(error, `Cannot remove what is left of ${this.#place.key}`, this.#place.directory);
    } finally {
      this.#place.onEnd();
    }
  }

  #requireOpen(): FileHandle {
    if (this.#handle !== null && this.#state === 'open') return this.#handle;
    throw new Failure('internal', `Cannot write ${this.#place.key}: the writer is ${this.#state}`);
  }

  async #writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
    let done = 0;
    try {
      while (done < bytes.byteLength) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, this.#written);
        if (bytesWritten === 0) throw new Error('the system wrote nothing');
        done += bytesWritten;
        this.#written += bytesWritten;
        this.#writeBack.wrote(bytesWritten);
      }
    } catch (error) {
      this.#state = 'failed';
      throw await this.#explain(error, bytes.byteLength - done);
    }
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }

  /** If the name cannot be made durable, a new object is removed; a replaced one is complete either way. */
  async #syncName(replaces: boolean): Promise<void> {
    try {
      await this.#place.files.syncDirectory(dirname(this.#place.final));
    } catch (error) {
      if (!replaces) await removeIfThere(this.#place.files, this.#place.final);
      throw error;
    }
  }

  #explain(error: unknown, needed: number): Promise<Failure> {
    const { key, directory } = this.#place;
    return explainStoreError(error, `Cannot store ${key}`, directory, { written: this.#written, needed });
  }
}
