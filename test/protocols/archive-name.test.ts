import { expect, test } from 'vitest';
import { archiveName, asciiName } from '../../src/protocols/archive-name.ts';

const createdAt = Date.UTC(2026, 10, 29, 20, 41, 58);

test.each([
  ['survival', 'Before 1.22', 'survival-2026-11-29-20-41-Before-1.22.tar.gz'],
  ['Überleben', 'vor  dem\tWechsel', 'Überleben-2026-11-29-20-41-vor-dem-Wechsel.tar.gz'],
  ['../../etc', '/passwd"; x="', '__.._etc-2026-11-29-20-41-_passwd_;-x=_.tar.gz'],
  ['a\r\nSet-Cookie: b', '\u202egz.exe', 'a-Set-Cookie_-b-2026-11-29-20-41-_gz.exe.tar.gz'],
  ['', '', '2026-11-29-20-41.tar.gz'],
])('the archive of %j and %j is saved under their names', (server, name, expected) => {
  expect(archiveName(server, { name, createdAt })).toBe(expected);
});

test('long names are cut between characters, so that the whole fits a file name', () => {
  const name = archiveName('🐉'.repeat(200), { name: '界'.repeat(300), createdAt });
  expect(name).toBe(`${'🐉'.repeat(22)}-2026-11-29-20-41-${'界'.repeat(30)}.tar.gz`);
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
});

test('in ASCII, no character ends a quoted text', () => {
  expect(asciiName('Überleben-"100%".tar.gz')).toBe('_berleben-_100__.tar.gz');
});
