/**
 * Frees the memory behind some bytes now and not when the garbage is collected: a heap of a few MiB is collected late
 * for hundreds of MiB of buffers that hang on it. Small buffers are left alone, since Node makes many of one piece of
 * memory.
 *
 * @param bytes the only ones over their memory that anybody reads or writes any more, a system call under way
 *   included: all views of it are empty afterwards.
 */
export function freeMemory({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
}
