import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOf, fromText, printable, printableText, toText, wirePath } from '../../../src/base/files/paths.ts';

describe('byte strings', () => {
  test('any bytes come back as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(bytesOf(Buffer.from(bytes).toString('latin1'))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test('text goes in and comes out by its UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(toText(fromText(text))).toBe(text);
        expect(bytesOf(fromText(text))).toEqual(Buffer.from(text, 'utf8'));
      }),
    );
  });

  test('sorts as the bytes do', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const [first, second] = [a, b].map((each) => Buffer.from(each).toString('latin1'));
        expect(Math.sign(Buffer.compare(a, b))).toBe(first === second ? 0 : (first ?? '') < (second ?? '') ? -1 : 1);
      }),
    );
  });

  test('bytes that are no UTF-8 have no text, and are escaped where JSON needs some', () => {
    expect(toText('caf\xe9')).toBeUndefined();
    expect(wirePath('caf\xe9')).toBe('caf\\xe9');
    expect(wirePath(fromText('café'))).toBe('café');
  });
});

describe('printable', () => {
  test.each([
    ['a line feed', 'a\nERROR forged', 'a\\nERROR forged'],
    ['a terminal sequence', '\x1b[31mred', '\\x1b[31mred'],
    ['a right-to-left override', fromText('gpj.\u202eexe'), 'gpj.\\u202eexe'],
    ['a zero-width space', fromText('a\u200bb'), 'a\\u200bb'],
    ['a C1 control', fromText('\u0085'), '\\x85'],
    ['bytes that are no text', 'x\xff\xfe', 'x\\xff\\xfe'],
  ])('shows %s as an escape', (_, path, shown) => {
    expect(printable(path)).toBe(shown);
  });

  test('leaves ordinary names alone, in any alphabet', () => {
    for (const name of ['level.dat', 'мир', '世界', 'emoji😀', 'back\\slash'])
      expect(printable(fromText(name))).toBe(name);
  });

  test('never lets a control character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        // oxlint-disable-next-line no-control-regex -- looking for them is the purpose
        expect(printableText(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
      }),
    );
  });
});
