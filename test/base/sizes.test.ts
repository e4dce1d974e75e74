import { expect, test } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import { formatBytes, parseBytes } from '../../src/base/sizes.ts';

test.each([
  ['0', 0],
  ['1024', 1024],
  ['10GiB', 10 * 1024 ** 3],
  ['500 MB', 500_000_000],
  ['1.5k', 1536],
  ['2g', 2 * 1024 ** 3],
  [' 3 TiB ', 3 * 1024 ** 4],
])('%j is %d bytes', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each(['', 'ten', '10 parsecs', '-1', '1e3', '1.2.3', '9007199254740993', '99999999 TiB'])(
  '%j is no size',
  (text) => {
    expect(() => parseBytes(text)).toThrow(Failure);
  },
);

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [340 * 1024 ** 2, '340 MiB'],
  [1.5 * 1024 ** 3, '1.5 GiB'],
])('%d bytes read as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
