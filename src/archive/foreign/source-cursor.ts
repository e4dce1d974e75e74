import { Buffer } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { ByteSource } from '../../base/source.ts';

/** Bytes of one read; for a remote store each read is a request. */
const READ = 256 * 1024;
const REMOTE_READ = MEBIBYTE;

/** Reads a source's bytes in order, from one offset to another. Going back within the last read is free. */
export class SourceCursor {
  readonly #source: ByteSource;
  readonly #signal: AbortSignal | undefined;
  readonly #end: number;
  #offset: number;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;

  /** @param end offset after the last byte; the source's end by default. */
  constructor(source: ByteSource, signal?: AbortSignal, start = 0, end = source.size) {
    this.#source = source;
    this.#signal = signal;
    this.#offset = start;
    this.#end = Math.min(end, source.size);
  }

  /** Offset of the next byte in the source. */
  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#end - this.#offset;
  }

  seek(offset: number): void {
    this.#offset = offset;
  }

  /** The next bytes, at least one; undefined at the end. Rejects with the source's Failure, or `cancelled`. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.remaining <= 0) return undefined;
    let at = this.#offset - this.#windowStart;
    if (at < 0 || at >= this.#window.length) {
      const most = this.#source.descriptor === undefined ? REMOTE_READ : READ;
      this.#window = await this.#source.read(this.#offset, Math.min(most, this.remaining), this.#signal);
      // A local file answers at once: without this yield nothing else in the thread could run, not even an abort.
      await setImmediate();
      this.#windowStart = this.#offset;
      at = 0;
    }
    const bytes = this.#window.subarray(at);
    this.#offset += bytes.length;
    return bytes;
  }

  /** Exactly `length` bytes, or undefined, taking none, when fewer are left. */
  async take(length: number): Promise<Buffer | undefined> {
    if (this.remaining < length) return undefined;
    const taken = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const bytes = await this.next();
      if (bytes === undefined) return undefined;
      const part = bytes.subarray(0, length - filled);
      taken.set(part, filled);
      filled += part.length;
      this.#offset -= bytes.length - part.length;
    }
    return taken;
  }
}
