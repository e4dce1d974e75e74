import fc from 'fast-check';
import { expect, test } from 'vitest';
import { browsedPath } from '../../../../src/protocols/wings/browse/browsed-path.ts';

const ID = '7a1c7b52-1f0a-4a7e-8f8e-2d9b7f6c5a41';

test.each([
  [`/.backups/${ID}`, ''],
  [`.backups/${ID}/`, ''],
  [`//.backups//${ID.toUpperCase()}/./world//region/`, 'world/region'],
  [`/.backups/${ID}/a b+%2e`, 'a b+%2e'],
])('%s is a path in a backup', (text, path) => {
  expect(browsedPath(text)).toEqual({ backup: ID, path });
});

test.each([
  '',
  '/',
  '/.backups',
  '/.backups/latest/world',
  `/backups/${ID}`,
  `/world/.backups/${ID}`,
  `/.backups/${ID}/../../secret`,
  `/.backups/../.backups/${ID}`,
  `/.backups/${ID}/a\0b`,
  `/.backups/${ID}/${'a'.repeat(5000)}`,
])('%s is none', (text) => {
  expect(browsedPath(text)).toBeUndefined();
});

test('no text leads out of a backup', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('.', '..', '/', 'a', `.backups/${ID}/`, '\0', '\\')), (pieces) => {
      const path = browsedPath(pieces.join(''))?.path ?? '';
      expect(path.split('/').every((name) => name !== '..' && name !== '.' && (name !== '' || path === ''))).toBe(true);
    }),
    { numRuns: 2000, seed: 11 },
  );
});
