/**
 * Frees the memory of a buffer at once; the garbage collector runs late when a small heap holds hundreds of MiB of
 * buffers. Buffers within Node's pool are left alone, because they share memory.
 *
 * @param bytes must be the only view in use, system calls in progress included: every view of this memory becomes
 *   empty.
 */
export function freeMemory({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
}
