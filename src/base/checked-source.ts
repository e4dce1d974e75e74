import { type Failure, throwIfAborted, unlessAborted } from './failure.ts';
import type { ByteSource } from './source.ts';

const DOING = 'Cannot read the archive';

/** Base of sources over open files: checks ranges, and keeps what `ByteSource` promises about memory and aborts. */
export abstract class CheckedSource implements ByteSource {
  abstract readonly size: number;
  abstract readonly identity: string;

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    throwIfAborted(signal, DOING);
    // Before allocating: a damaged index may ask for any range.
    if (offset < 0 || length < 0 || offset + length > this.size) throw this.short(offset, length);
    // A buffer per call: an aborted read may still be writing into it.
    const bytes = Buffer.allocUnsafeSlow(length);
    await unlessAborted(this.fill(offset, bytes, signal), signal, DOING);
    return bytes;
  }

  /** Settles only when the read has ended, even if aborted, so the caller may reuse the memory. */
  async readInto(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal, DOING);
    if (offset < 0 || offset + into.length > this.size) throw this.short(offset, into.length);
    await this.fill(offset, into, signal);
    throwIfAborted(signal, DOING);
  }

  abstract close(): Promise<void>;

  /**
   * Reads `into.length` bytes from `offset`, a range inside `size`; rejects with `short` when they end early.
   *
   * @param signal may end it early, with `cancelled`; nothing is written then once it has settled.
   */
  protected abstract fill(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;

  /** The failure (`archive_damaged`) for a range beyond the bytes. */
  protected abstract short(offset: number, length: number): Failure;
}
