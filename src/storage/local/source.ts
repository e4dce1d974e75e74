import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CheckedSource } from '../../base/checked-source.ts';
import { errnoOf, Failure } from '../../base/failure.ts';
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

class LocalSource extends CheckedSource {
  readonly size: number;
  readonly descriptor: number;
  readonly identity: string;
  readonly #handle: FileHandle;
  readonly #key: ObjectKey;
  readonly #directory: string;

  constructor(handle: FileHandle, facts: BigIntStats, key: ObjectKey, directory: string) {
    super();
    this.#handle = handle;
    this.size = Number(facts.size);
    // The change time too, because programs can set the modification time but not this one.
    this.identity = [key, facts.dev, facts.ino, facts.size, facts.mtimeNs, facts.ctimeNs].join(' ');
    this.descriptor = handle.fd;
    this.#key = key;
    this.#directory = directory;
  }

  async close(): Promise<void> {
    try {
      await this.#handle.close();
    } catch (error) {
      throw await explainStoreError(error, 'Cannot close the archive', this.#directory);
    }
  }

  protected async fill(offset: number, bytes: Uint8Array): Promise<void> {
    const { length } = bytes;
    for (let done = 0; done < length;) {
      const count = await this.#readSome(bytes, done, offset);
      if (count === 0) throw this.short(offset, length);
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

  protected short(offset: number, length: number): Failure {
    return new Failure('archive_damaged', `${DOING}: ${this.#key} ends before byte ${offset + length}`, {
      facts: { key: this.#key, size: this.size, offset, length },
    });
  }
}
