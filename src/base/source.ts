import type { OpenFileParts } from './file-parts.ts';
import { freeMemory } from './free-memory.ts';

/**
 * Bytes of known length, readable at any offset: a local archive, or an object in a remote store. Defined in base,
 * because stores produce it and archives consume it.
 */
export interface ByteSource {
  /** Length in bytes; constant while the source is open. */
  readonly size: number;
  /** An open descriptor of the same bytes, if any: threads read it directly. */
  readonly descriptor?: number;
  /** Open files whose ranges make up the bytes, if any: threads read them directly. */
  readonly parts?: OpenFileParts;
  /** Equal for openings of the very same bytes of one store, different after any change; absent where that is not known. */
  readonly identity?: string;
  /** True when each `read` returns memory of the caller's own, which may move to another thread. */
  readonly givesAway?: true;
  /**
   * Reads exactly `length` bytes from `offset`. Throws a `Failure` (`archive_damaged`) when the bytes end early, and
   * rejects promptly on abort.
   */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * As `read`, into given memory, which other threads may share; avoids garbage for repeated reads. Writes nothing
   * after it has settled.
   */
  readInto?(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Frees the source; called once, after the last read. */
  close(): Promise<void>;
}

/** Fills memory from a source, without garbage where the source supports it. */
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
 * Reads bytes for one use and frees their memory.
 *
 * @param use must keep no view of the bytes after its promise settles.
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

/** Receives the bytes of a new archive, in order. */
export interface ByteSink {
  /**
   * Takes the next bytes, and which of them the base has (a sink without a base ignores it); the caller may reuse the memory once the promise resolves. Rejects when the bytes could not
   * be written; no call may follow.
   */
  write(bytes: Uint8Array, same?: readonly SameBytes[]): Promise<void>;
}

/** A stretch of written bytes that an older archive, the base, has as well: each byte was compared. */
export interface SameBytes {
  /** Where it begins in the bytes of this call. Stretches are in order and do not overlap. */
  readonly start: number;
  readonly length: number;
  /** Where it begins in the base. */
  readonly base: number;
  /** The base was to have these very bytes there, by checksum and length, and what lies there is damaged. */
  readonly heals?: true;
}
