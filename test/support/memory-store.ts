/** A store in memory, with every promise of the contract; what tests of the rooms above use. */
import { Failure, throwIfAborted } from '../../src/base/failure.ts';
import type { ByteSource } from '../../src/base/source.ts';
import { type ObjectKey, parseKey } from '../../src/storage/key.ts';
import type { FreeSpace, ObjectWriter, Store, StoredObject } from '../../src/storage/store.ts';

export class MemoryStore implements Store {
  readonly name: string;
  readonly type = 'memory';
  /** Bytes that all objects together may have. */
  capacity = Number.MAX_SAFE_INTEGER;
  /** False: every call is `store_unreachable`. */
  reachable = true;
  readonly objects = new Map<ObjectKey, Uint8Array>();
  /** Writers that were neither committed nor aborted: a leak when a test ends. */
  readonly unfinished = new Set<ObjectWriter>();
  #used = 0;
  #closed = false;

  constructor(name = 'memory') {
    this.name = name;
  }

  async create(key: ObjectKey): Promise<ObjectWriter> {
    const name = this.#ready(key);
    await this.check();
    const writer = new MemoryWriter({
      take: (count) => this.#take(count),
      giveBack: (count) => void (this.#used -= count),
      commit: (bytes) => {
        this.#used -= this.objects.get(name)?.byteLength ?? 0;
        this.objects.set(name, bytes);
      },
      onEnd: () => void this.unfinished.delete(writer),
    });
    this.unfinished.add(writer);
    return writer;
  }

  async open(key: ObjectKey): Promise<ByteSource> {
    const name = this.#ready(key);
    await this.check();
    const bytes = this.objects.get(name);
    if (bytes === undefined) throw new Failure('archive_damaged', `Cannot read the archive: ${name} is missing`);
    return memorySource(bytes);
  }

  async stat(key: ObjectKey): Promise<{ readonly size: number } | undefined> {
    const name = this.#ready(key);
    await this.check();
    const bytes = this.objects.get(name);
    return bytes === undefined ? undefined : { size: bytes.byteLength };
  }

  async remove(key: ObjectKey): Promise<void> {
    const name = this.#ready(key);
    await this.check();
    this.#used -= this.objects.get(name)?.byteLength ?? 0;
    this.objects.delete(name);
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void> {
    this.#requireOpen();
    await this.check();
    for (const key of [...this.objects.keys()].sort()) {
      const bytes = this.objects.get(key);
      if (bytes !== undefined && key.startsWith(prefix)) yield { key, size: bytes.byteLength };
    }
  }

  async freeSpace(): Promise<FreeSpace> {
    this.#requireOpen();
    await this.check();
    return { bytes: this.capacity - this.#used, inodes: null };
  }

  async check(): Promise<void> {
    if (!this.reachable) throw new Failure('store_unreachable', 'Cannot use the store: it is away', { retry: true });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #take(count: number): void {
    const free = this.capacity - this.#used;
    if (count > free) {
      throw new Failure('insufficient_storage', `Cannot store the archive: ${free} B free, ${count} B more needed`, {
        facts: { free, needed: count },
        retry: true,
      });
    }
    this.#used += count;
  }

  #ready(key: ObjectKey): ObjectKey {
    this.#requireOpen();
    return parseKey(key);
  }

  #requireOpen(): void {
    if (this.#closed) throw new Failure('internal', `Cannot use the store ${this.name}: it is closed`);
  }
}

interface MemoryPlace {
  take(count: number): void;
  giveBack(count: number): void;
  commit(bytes: Uint8Array): void;
  onEnd(): void;
}

class MemoryWriter implements ObjectWriter {
  readonly #place: MemoryPlace;
  readonly #parts: Uint8Array[] = [];
  #size = 0;
  #state: 'open' | 'failed' | 'committed' | 'aborted' = 'open';

  constructor(place: MemoryPlace) {
    this.#place = place;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    try {
      this.#place.take(bytes.byteLength);
    } catch (error) {
      this.#state = 'failed';
      throw error;
    }
    this.#size += bytes.byteLength;
    // A copy: the memory is the caller's again.
    this.#parts.push(Uint8Array.from(bytes));
  }

  async commit(): Promise<void> {
    this.#requireOpen();
    this.#state = 'committed';
    this.#place.commit(Buffer.concat(this.#parts));
    this.#place.onEnd();
  }

  async abort(): Promise<void> {
    if (this.#state === 'committed' || this.#state === 'aborted') return;
    this.#state = 'aborted';
    this.#place.giveBack(this.#size);
    this.#place.onEnd();
  }

  #requireOpen(): void {
    if (this.#state !== 'open') throw new Failure('internal', `Cannot write: the writer is ${this.#state}`);
  }
}

function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.byteLength,
    read: async (offset, length, signal) => {
      throwIfAborted(signal, 'Cannot read the archive');
      if (offset < 0 || length < 0 || offset + length > bytes.byteLength) {
        throw new Failure('archive_damaged', `Cannot read the archive: it ends before byte ${offset + length}`);
      }
      // A copy, which `slice` of a Buffer is not: the memory is the caller's own.
      return Buffer.from(bytes.subarray(offset, offset + length));
    },
    close: async () => undefined,
  };
}
