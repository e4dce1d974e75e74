import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  fromMessagePack,
  isMessagePack,
  toMessagePack,
  wantsMessagePack,
} from '../../../../src/protocols/wings/requests/message-pack.ts';

test('what the library packs is read, and what is packed here it reads', () => {
  // Without the key that the library itself refuses.
  const key = fc.string().filter((name) => name !== '__proto__');
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      // Deeper ones are refused.
      { depthSize: 'small', maxDepth: 15 },
      fc.constantFrom(null, true, false),
      fc.integer(),
      // A negative zero goes out as an integer, which has none.
      fc.double({ noNaN: true }).map((number) => number + 0),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(key, tie('value'), { maxKeys: 20, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(value, (given) => {
      expect(fromMessagePack(encode(given))).toEqual(given);
      expect(decode(toMessagePack(given))).toEqual(given);
    }),
  );
});

test.each([
  ['nothing', []],
  ['two values', [0x01, 0x01]],
  ['a byte that begins none', [0xc1]],
  ['raw bytes', [0xc4, 0x01, 0x00]],
  ['an extension', [0xd4, 0x01, 0x00]],
  ['a text without its length', [0xda, 0x00]],
  ['a text that is cut off', [0xa5, 0x61]],
  ['a number that is cut off', [0xcb, 0x00]],
  ['a list of more than is there', [0xdd, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ['a map of more than is there', [0x83, 0xa1, 0x61, 0x01]],
  ['lists in each other, seventeen deep', [...Array.from({ length: 17 }, () => 0x91), 0x01]],
])('%s is refused', (_, bytes) => {
  expect(() => fromMessagePack(Uint8Array.from(bytes))).toThrow(Error);
});

test('a mebibyte of lists that each name 65,535 values makes none of them', () => {
  const bytes = Buffer.alloc(1024 * 1024);
  for (let at = 0; at + 3 <= bytes.length; at += 3) bytes.set([0xdc, 0xff, 0xff], at);
  expect(() => fromMessagePack(bytes)).toThrow('nested');
});

test('of no bytes comes anything but a value or a refusal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        expect(fromMessagePack(bytes)).not.toBeUndefined();
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
    { numRuns: 5000 },
  );
});

test.each([
  ['application/msgpack', true],
  ['Application/MsgPack; charset=x', true],
  ['application/json', false],
  ['application/msgpackx', false],
  [undefined, false],
])('a body labelled %s is packed: %s', (label, expected) => {
  expect(isMessagePack(label)).toBe(expected);
});

test.each([
  ['application/msgpack', true],
  ['application/msgpack, application/json', true],
  ['application/json, application/msgpack', false],
  ['application/json;q=0.5, application/msgpack', true],
  ['application/msgpack;q=0, */*', false],
  ['*/*', false],
  ['application/*', false],
  ['text/html, application/msgpack;q=0.1', true],
  ['text/html', false],
  ['', false],
  [undefined, false],
])('for Accept: %s the answer is packed: %s', (accept, expected) => {
  expect(wantsMessagePack(accept)).toBe(expected);
});
