import fc from 'fast-check';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { makeIsalChecksum, loadIsal } from '../../../src/archive/gzip/isal-library.ts';

test.skipIf(loadIsal() === undefined)(
  "the checksum of ISA-L is zlib's, whatever the bytes and wherever they lie",
  () => {
    const checksum = makeIsalChecksum();
    const shared = new SharedArrayBuffer(5000);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), fc.nat(999), (bytes, offset) => {
        const placed = Buffer.from(shared, offset, bytes.length);
        placed.set(bytes);
        expect([checksum?.(bytes), checksum?.(placed)]).toEqual([crc32(bytes), crc32(bytes)]);
      }),
    );
  },
);
