import { freeMemory } from './free-memory.ts';

/**
 * A sequence of bytes of known length that can be read at any offset: an archive on the local disk, or an object in a
 * remote store. Lives at the bottom because stores produce it and archives consume it, and neither knows the other.
 */
export interface ByteSource {
  /** Length in bytes; it does not change while the source is open. */
  readonly size: number;
  /** An open descriptor of the same bytes, where there is one: threads then read it directly. */
  readonly descriptor?: number;
  /** True when each `read` gives memory that is the caller's alone: it may then be moved to another thread. */
  readonly givesAway?: true;
  /**
   * Reads exactly `length` bytes from `offset`.
   * Must throw a `Failure` (`archive_damaged`) when the bytes end early, and reject promptly once `signal` aborts.
   */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * The same into memory that is there already, which may be shared with other threads: whoever reads piece after piece
   * leaves no garbage of their size. Writes nothing more to it once it has settled.
   */
  readInto?(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Frees what the source holds; called once, after the last read has ended. */
  close(): Promise<void>;
}

/** Fills memory from a source, without garbage where the source can. */
export async function readInto(
  source: ByteSource,
  offset: number,
  into: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  if (source.readInto === undefined) into.set(await source.read(offset, into.byteLength, signal));
  else await source.readInto(offset, into, signal);
}

/**
 * Reads bytes that are looked at once, and frees their memory.
 *
 * @param use what is made of them; must keep no view of them beyond its promise.
 */
export async function useBytes<Result>(
  source: ByteSource,
  offset: number,
  length: number,
  use: (bytes: Buffer) => Result | Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const bytes = Buffer.allocUnsafeSlow(length);
  try {
    await readInto(source, offset, bytes, signal);
    return await use(bytes);
  } finally {
    freeMemory(bytes);
  }
}

/**
 * Where the bytes of a new archive go, in order. `jobs` builds it from a store.
 */
export interface ByteSink {
  /**
   * Takes the next bytes. The memory is the caller's again once the promise resolves, so a sink that keeps bytes
   * longer copies them. Rejects with the reason when they could not be written; no further call follows then.
   */
  write(bytes: Uint8Array): Promise<void>;
}
