/** Bytes that no compressor shrinks, the same for the same seed. */
export function randomBytes(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = (seed ^ 0x9e3779b9) >>> 0;
  for (let index = 0; index < length; index++) {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    bytes[index] = (word ^ (word >>> 14)) & 0xff;
  }
  return bytes;
}
