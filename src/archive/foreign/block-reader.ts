/** Reads a stream of chunks in tar's 512-byte blocks, without copying blocks that lie within one chunk. */
import { Buffer } from 'node:buffer';
import { TAR_BLOCK } from '../tar/header.ts';
import { damaged } from './damaged.ts';
import type { Unpacked } from './gzip.ts';

export class BlockReader {
  readonly #chunks: Unpacked;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #position = 0;
  #ended = false;
  #garbageAt: number | undefined;

  constructor(chunks: Unpacked) {
    this.#chunks = chunks;
  }

  /** Offset of the next byte in the tar stream. */
  get position(): number {
    return this.#position;
  }

  /** Where garbage after the container begins in the file; known once the stream has ended. */
  get garbageAt(): number | undefined {
    return this.#garbageAt;
  }

  /**
   * The next block, or undefined when the stream ends before it.
   *
   * @throws Failure `archive_damaged` when it ends within the block.
   */
  async block(): Promise<Buffer | undefined> {
    if (this.#at + TAR_BLOCK <= this.#chunk.length) return this.#view(TAR_BLOCK);
    if (this.#at === this.#chunk.length && !(await this.#fill())) return undefined;
    return this.bytes(TAR_BLOCK);
  }

  /**
   * Exactly `length` bytes. The caller bounds the length.
   *
   * @throws Failure `archive_damaged` when fewer are left.
   */
  async bytes(length: number): Promise<Buffer> {
    if (this.#at + length <= this.#chunk.length) return this.#view(length);
    const joined = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const part = await this.some(length - filled);
      joined.set(part, filled);
      filled += part.length;
    }
    return joined;
  }

  /**
   * The next bytes: at least one, at most `limit`.
   *
   * @throws Failure `archive_damaged` when the stream has ended.
   */
  async some(limit: number): Promise<Uint8Array> {
    if (this.#at === this.#chunk.length && !(await this.#fill())) {
      throw damaged('it ends within an entry', { tarOffset: this.#position });
    }
    return this.#view(Math.min(limit, this.#chunk.length - this.#at));
  }

  /** Skips `length` bytes. @throws Failure `archive_damaged` when fewer are left. */
  async skip(length: number): Promise<void> {
    for (let left = length; left > 0;) left -= (await this.some(left)).length;
  }

  /** Everything that is left, chunk by chunk. */
  async *rest(): AsyncGenerator<Uint8Array, void, void> {
    while (this.#at < this.#chunk.length || (await this.#fill())) yield this.#view(this.#chunk.length - this.#at);
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#chunks.return(undefined);
  }

  #view(length: number): Buffer {
    const { buffer, byteOffset } = this.#chunk;
    const view = Buffer.from(buffer, byteOffset + this.#at, length);
    this.#at += length;
    this.#position += length;
    return view;
  }

  async #fill(): Promise<boolean> {
    while (!this.#ended) {
      const step = await this.#chunks.next();
      if (step.done === true) {
        this.#ended = true;
        this.#garbageAt = step.value;
        return false;
      }
      this.#chunk = step.value;
      this.#at = 0;
      if (this.#chunk.length > 0) return true;
    }
    return false;
  }
}
