import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { combineCrc32 } from '../../../src/archive/gzip/crc32.ts';

test('the CRC of two runs joined equals zlib’s CRC of their concatenation', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.uint8Array({ maxLength: 3000 }), (first, second) => {
      expect(combineCrc32(crc32(first), crc32(second), second.length)).toBe(crc32(Buffer.concat([first, second])));
    }),
  );
});

test('a run of 5 GiB of zeros, longer than 32 bits count, combines as five runs of 1 GiB do', () => {
  const mebibyte = crc32(new Uint8Array(2 ** 20));
  const repeat = (crc: number, length: number, times: number) => {
    let joined = crc;
    for (let n = 1; n < times; n++) joined = combineCrc32(joined, crc, length);
    return joined;
  };
  const gibibyte = repeat(mebibyte, 2 ** 20, 1024);
  const four = repeat(gibibyte, 2 ** 30, 4);
  expect(combineCrc32(gibibyte, four, 4 * 2 ** 30)).toBe(combineCrc32(four, gibibyte, 2 ** 30));
  expect(combineCrc32(0x12345678, 0x9abcdef0, 0)).toBe((0x12345678 ^ 0x9abcdef0) >>> 0);
});
