import { freeMemory } from '../../base/free-memory.ts';
import type { ObjectWriter } from '../store.ts';

/** Bytes that are written at once: what a night changes, and what a merge moves, is thousands of short stretches. */
const GATHERED = 256 * 1024;

/** Writes an object in few calls. */
export class GatheringWriter {
  readonly #writer: ObjectWriter;
  #gathered: Buffer | undefined;
  #length = 0;

  constructor(writer: ObjectWriter) {
    this.#writer = writer;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#length + bytes.byteLength > GATHERED) await this.#flush();
    if (bytes.byteLength >= GATHERED) await this.#writer.write(bytes);
    else {
      // Copied: the caller uses the memory again. As a part of it: all of a Buffer in shared memory goes byte by byte.
      this.#gathered ??= Buffer.allocUnsafeSlow(GATHERED);
      const { buffer, byteOffset, byteLength } = bytes;
      Buffer.from(buffer).copy(this.#gathered, this.#length, byteOffset, byteOffset + byteLength);
      this.#length += bytes.byteLength;
    }
  }

  async commit(): Promise<void> {
    await this.#flush();
    await this.#writer.commit();
    this.#free();
  }

  async abort(): Promise<void> {
    await this.#writer.abort();
    this.#free();
  }

  async #flush(): Promise<void> {
    if (this.#gathered === undefined || this.#length === 0) return;
    await this.#writer.write(this.#gathered.subarray(0, this.#length));
    this.#length = 0;
  }

  #free(): void {
    if (this.#gathered !== undefined) freeMemory(this.#gathered);
    this.#gathered = undefined;
  }
}
