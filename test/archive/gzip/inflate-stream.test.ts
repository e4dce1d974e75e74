import { createHash } from 'node:crypto';
import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { makeStreamInflater } from '../../../src/archive/gzip/inflate-stream.ts';
import { loadIsal } from '../../../src/archive/gzip/isal-library.ts';

const dense = Buffer.concat(
  Array.from({ length: 3000 }, (_, index) => createHash('sha256').update(`${index}`).digest()),
);
const trailer = Buffer.from('trailer.');

/** Inflates input given in chunks, with little room; where the stream ended, if it did. */
function inflated(stored: Buffer, chunk: number, room: number): { bytes: Buffer; end: number | undefined } | 'damaged' {
  const inflater = makeStreamInflater();
  const parts: Buffer[] = [];
  let given = 0;
  for (let input: Buffer | undefined; ;) {
    const output = Buffer.alloc(room);
    const step = inflater?.step(input, output);
    if (step === undefined) return 'damaged';
    parts.push(output.subarray(0, step.made));
    if (step.ended) return { bytes: Buffer.concat(parts), end: given - step.left };
    input = undefined;
    if (step.made === room) continue;
    if (given >= stored.length) return { bytes: Buffer.concat(parts), end: undefined };
    input = stored.subarray(given, given + chunk);
    given += input.length;
  }
}

describe.skipIf(loadIsal() === undefined)('a deflate stream inflated by ISA-L', () => {
  const contents = {
    nothing: Buffer.alloc(0),
    'one byte': Buffer.from('a'),
    dense,
    text: Buffer.alloc(90_000, 'abc '),
  };
  const kinds = [
    { level: 0 },
    { level: 1 },
    { level: 9 },
    { level: 6, strategy: constants.Z_FIXED },
    { level: 6, strategy: constants.Z_HUFFMAN_ONLY },
  ];

  describe.each(Object.entries(contents))('of %s', (_, raw) => {
    it.each(kinds)('comes back whole, and its end is found: %j', (kind) => {
      const stored = deflateRawSync(raw, kind);
      const followed = Buffer.concat([stored, trailer]);
      for (const chunk of raw.length > 1 ? [113, 4096, followed.length] : [1, 2, 3, 7, 8, followed.length]) {
        for (const room of [997, 65_536]) {
          const got = inflated(followed, chunk, room);
          expect(got).not.toBe('damaged');
          if (got === 'damaged') continue;
          expect(got.bytes.equals(raw)).toBe(true);
          expect(got.end).toBe(stored.length);
        }
      }
    });
  });

  it('does not end where it is cut, whatever is left over', () => {
    for (const raw of [dense, contents.text]) {
      const stored = deflateRawSync(raw, { level: 6 });
      for (let length = 1; length < stored.length; length += 1 + Math.floor(stored.length / 500)) {
        const got = inflated(stored.subarray(0, length), 65_536, 65_536);
        expect(got).not.toBe('damaged');
        if (got !== 'damaged') expect(got.end).toBeUndefined();
      }
    }
  });

  it('is damaged by a block of a kind that there is not, and by a look back beyond its start', () => {
    expect(inflated(Buffer.concat([Buffer.from([0x07]), trailer]), 100, 1000)).toBe('damaged');
    const behind = deflateRawSync(Buffer.from('abcabcabcabc'), { dictionary: Buffer.from('abcabcabcabc') });
    expect(inflated(Buffer.concat([behind, trailer]), 100, 1000)).toBe('damaged');
  });
});
