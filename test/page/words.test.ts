import { expect, test } from 'vitest';
import { cronWords } from '../../web/page/words/cron.ts';
import { en } from '../../web/page/words/en.ts';
import { pictureOf } from '../../web/page/views/browse/picture.ts';

test.each([
  [0, 1, 'The server is protected'],
  [1, 1, 'The server needs you'],
  [0, 2, 'Both servers are protected'],
  [1, 2, '1 of 2 servers needs you'],
  [0, 500, 'All 500 servers are protected'],
  [3, 1200, '3 of 1,200 servers need you'],
])('%i of %i servers: %s', (wrong, all, text) => {
  expect(en.headline(wrong, all)).toBe(text);
});

test.each([
  [0, 1, 1, 'The first backup of the server is being made'],
  [0, 9, 1, 'The first backup of 1 server is being made'],
  [0, 9, 2, 'The first backups of 2 servers are being made'],
  [3, 9, 2, '3 of 9 servers need you'],
])('%i of %i servers, %i at their first backup: %s', (wrong, all, first, text) => {
  expect(en.headline(wrong, all, first)).toBe(text);
});

test.each([
  [0, 1, 'It has no good backup from the last 24 hours.'],
  [1, 1, 'It has a good backup from the last 24 hours.'],
  [0, 3, 'None has a good backup from the last 24 hours.'],
  [1, 3, '1 has a good backup from the last 24 hours.'],
  [2, 3, '2 have a good backup from the last 24 hours.'],
])('%i good of %i: %s', (good, all, text) => {
  expect(en.goodLately(good, all)).toBe(text);
});

test.each([
  ['0 4 * * *', 'daily at 04:00'],
  ['5 * * * *', 'every hour at 5 past'],
  ['0 */6 * * *', 'every 6 hours on the hour'],
  // Uneven at midnight.
  ['0 */5 * * *', '0 */5 * * *'],
  ['30 2 * * 7', 'Sundays at 02:30'],
  ['30 2 1 * *', 'monthly on day 1 at 02:30'],
  ['30 2 1 1 *', '30 2 1 1 *'],
  ['*/5 * * * *', '*/5 * * * *'],
  ['0 0 4 * * *', '0 0 4 * * *'],
  ['@daily', '@daily'],
])('%s is %s', (cron, text) => {
  expect(cronWords(cron)).toBe(text);
});

test.each([
  ['backup', false, 'failed', 'Backup failed'],
  ['restore', false, 'completed', 'Restore completed'],
  ['restore', true, 'completed', 'Undo completed'],
  ['verify', false, 'completed', 'Verification completed'],
] as const)('the end of a %s, undo %s, is told: %s', (kind, undo, what, text) => {
  expect(en.ended({ kind, undo }, what)).toBe(text);
});

/** The beginning of a PNG of that size. */
function png(width: number, height: number): Uint8Array {
  const bytes = Buffer.alloc(64);
  bytes.write('89504e470d0a1a0a0000000d49484452', 'hex');
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
}

function jpeg(width: number, height: number): Uint8Array {
  const bytes = Buffer.alloc(64);
  // SOI, an APP0 of 4 bytes, SOF0.
  bytes.write('ffd8ffe000040000ffc0001108', 'hex');
  bytes.writeUInt16BE(height, 13);
  bytes.writeUInt16BE(width, 15);
  return bytes;
}

test('a picture is known by its bytes, and one of too many pixels is none', () => {
  expect(pictureOf(png(64, 64))).toBe('image/png');
  expect(pictureOf(png(60_000, 60_000))).toBeUndefined();
  expect(pictureOf(jpeg(640, 480))).toBe('image/jpeg');
  expect(pictureOf(jpeg(60_000, 60_000))).toBeUndefined();
  expect(pictureOf(Buffer.concat([Buffer.from('GIF89a\x01\x00\x01\x00', 'latin1'), Buffer.alloc(30)]))).toBe(
    'image/gif',
  );
  expect(pictureOf(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"></svg>'))).toBeUndefined();
  expect(pictureOf(Buffer.from('ffd8ffffffffffff', 'hex'))).toBeUndefined();
  expect(pictureOf(Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), Buffer.alloc(40)]))).toBeUndefined();
});
