import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf, Failure, throwIfAborted, unlessAborted } from '../../base/failure.ts';
import type { ByteSource } from '../../base/source.ts';
import type { ObjectKey } from '../key.ts';
import { explainStoreError } from './failure.ts';

const DOING = 'Cannot read the archive';

/** Opens an object's file. @throws Failure `archive_damaged` when it is missing or no regular file. */
export async function openLocalSource(path: string, key: ObjectKey, directory: string): Promise<ByteSource> {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const facts = await handle.stat({ bigint: true });
    if (facts.isFile()) return new LocalSource(handle, facts, key, directory);
  } catch (error) {
    await handle?.close();
    if (errnoOf(error) === 'ENOENT') throw missing(key, error);
    // ELOOP: a link is in the object's place.
    if (errnoOf(error) !== 'ELOOP') throw await explainStoreError(error, DOING, directory);
  }
  await handle?.close();
  throw new Failure('archive_damaged', `${DOING}: ${key} is no regular file`, { facts: { key } });
}

function missing(key: ObjectKey, cause: unknown): Failure {
  return new Failure('archive_damaged', `${DOING}: ${key} is missing from the store`, {
    cause,
    facts: { key },
    hint: 'The file was removed from the outside. Delete this backup, or put the file back.',
  });
}

class LocalSource implements ByteSource {
  readonly size: number;
  readonly descriptor: number;
  readonly identity: string;
  readonly #handle: FileHandle;
  readonly #key: ObjectKey;
  readonly #directory: string;

  constructor(handle: FileHandle, facts: BigIntStats, key: ObjectKey, directory: string) {
    this.#handle = handle;
    this.size = Number(facts.size);
    // The change time, which cannot be set: the time of the last write can.
    this.identity = [key, facts.dev, facts.ino, facts.size, facts.mtimeNs, facts.ctimeNs].join(' ');
    this.descriptor = handle.fd;
    this.#key = key;
    this.#directory = directory;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    throwIfAborted(signal, DOING);
    // Before allocating: a damaged index may ask for any range.
    if (offset < 0 || length < 0 || offset + length > this.size) throw this.#short(offset, length);
    // A buffer per call: an aborted read may still be writing into it.
    const bytes = Buffer.allocUnsafeSlow(length);
    await unlessAborted(this.#fill(offset, bytes), signal, DOING);
    return bytes;
  }

  /** Settles only when the read has ended, even if aborted, so the caller may reuse the memory. */
  async readInto(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal, DOING);
    if (offset < 0 || offset + into.length > this.size) throw this.#short(offset, into.length);
    await this.#fill(offset, into);
    throwIfAborted(signal, DOING);
  }

  async close(): Promise<void> {
    try {
      await this.#handle.close();
    } catch (error) {
      throw await explainStoreError(error, 'Cannot close the archive', this.#directory);
    }
  }

  async #fill(offset: number, bytes: Uint8Array): Promise<void> {
    const { length } = bytes;
    for (let done = 0; done < length;) {
      const count = await this.#readSome(bytes, done, offset);
      if (count === 0) throw this.#short(offset, length);
      done += count;
    }
  }

  async #readSome(bytes: Uint8Array, done: number, offset: number): Promise<number> {
    try {
      const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, offset + done);
      return bytesRead;
    } catch (error) {
      throw await explainStoreError(error, DOING, this.#directory);
    }
  }

  #short(offset: number, length: number): Failure {
    return new Failure('archive_damaged', `${DOING}: ${this.#key} ends before byte ${offset + length}`, {
      facts: { key: this.#key, size: this.size, offset, length },
    });
  }
}
