/** Wraps a store and makes it fail where a test says so: short reads, writes that break late, commits that fail. */
import { Failure } from '../../src/base/failure.ts';
import type { ByteSource } from '../../src/base/source.ts';
import type { ObjectKey } from '../../src/storage/key.ts';
import type { CreateOptions, FreeSpace, ObjectWriter, Store, StoredObject } from '../../src/storage/store.ts';

export interface Lies {
  /** Rejects the write that crosses this many bytes of an object. */
  failWriteAfter?: number;
  /** Rejects every commit, after the inner writer was aborted. */
  failCommit?: Failure;
  /** Rejects every removal. */
  failRemove?: Failure;
  /** Objects end this many bytes early, although they say their full size. */
  shortBy?: number;
  /** Turns over one bit of each object at this offset. */
  flipAt?: number;
  /** Awaited before each commit: a test stages its race there. */
  beforeCommit?: (key: ObjectKey) => Promise<void>;
}

export class LyingStore implements Store {
  readonly name: string;
  readonly type: Store['type'];
  readonly lies: Lies;
  readonly #inner: Store;

  constructor(inner: Store, lies: Lies = {}) {
    this.#inner = inner;
    this.name = inner.name;
    this.type = inner.type;
    this.lies = lies;
  }

  async create(key: ObjectKey, options?: CreateOptions): Promise<ObjectWriter> {
    const writer = await this.#inner.create(key, options);
    let written = 0;
    return {
      write: async (bytes) => {
        written += bytes.byteLength;
        if (written > (this.lies.failWriteAfter ?? Infinity)) {
          throw new Failure('insufficient_storage', 'Cannot store the archive: 0 B free', { retry: true });
        }
        await writer.write(bytes);
      },
      commit: async () => {
        await this.lies.beforeCommit?.(key);
        if (this.lies.failCommit !== undefined) {
          await writer.abort();
          throw this.lies.failCommit;
        }
        await writer.commit();
      },
      abort: () => writer.abort(),
    };
  }

  async open(key: ObjectKey): Promise<ByteSource> {
    const source = await this.#inner.open(key);
    return {
      size: source.size,
      read: async (offset, length, signal) => {
        if (offset + length > source.size - (this.lies.shortBy ?? 0)) {
          throw new Failure('archive_damaged', 'Cannot read the archive: it ends early');
        }
        const bytes = await source.read(offset, length, signal);
        const flip = (this.lies.flipAt ?? -1) - offset;
        if (flip >= 0 && flip < length) bytes[flip] = (bytes[flip] ?? 0) ^ 1;
        return bytes;
      },
      close: () => source.close(),
    };
  }

  async remove(key: ObjectKey): Promise<void> {
    if (this.lies.failRemove !== undefined) throw this.lies.failRemove;
    await this.#inner.remove(key);
  }

  stat(key: ObjectKey): Promise<{ readonly size: number } | undefined> {
    return this.#inner.stat(key);
  }

  list(prefix: string): AsyncIterable<StoredObject> {
    return this.#inner.list(prefix);
  }

  freeSpace(): Promise<FreeSpace | null> {
    return this.#inner.freeSpace();
  }

  check(): Promise<void> {
    return this.#inner.check();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
