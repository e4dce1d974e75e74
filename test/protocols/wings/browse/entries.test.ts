/** Expected shapes: calagopus/wings application/src/models.rs, server/filesystem/mod.rs (`encode_mode`). */
import { expect, test } from 'vitest';
import { directoryListing } from '../../../../src/protocols/wings/browse/entries.ts';

const file = (name: string, more = {}) => ({ name, kind: 'file' as const, size: 5, mode: 0o644, mtime: 100, ...more });
const ALL = { sort: 'name_asc', perPage: undefined, page: 1 };

test('a file, a directory and a link are told as its daemon tells them', () => {
  const items = [
    file('server.properties'),
    { name: 'world', kind: 'directory' as const, size: 0, mode: 0o2755, mtime: 1_700_000_000 },
    { name: 'now', kind: 'symlink' as const, size: 0, mode: 0o777, mtime: -5, target: 'world' },
  ];
  const { entries, ...rest } = directoryListing(items, ALL);
  expect(rest).toEqual({ total: 3, filesystem_primary: false, filesystem_writable: false, filesystem_fast: false });
  expect(entries).toEqual([
    {
      name: 'world',
      mode: 'drwxr-xr-x',
      mode_bits: '755',
      size: 0,
      size_physical: 0,
      editable: false,
      inner_editable: false,
      directory: true,
      file: false,
      symlink: false,
      virtual: true,
      mime: 'inode/directory',
      created: '2023-11-14T22:13:20Z',
      modified: '2023-11-14T22:13:20Z',
    },
    expect.objectContaining({
      name: 'now',
      mode: 'lrwxrwxrwx',
      symlink: true,
      file: false,
      mime: 'inode/symlink',
      modified: '1970-01-01T00:00:00Z',
    }),
    expect.objectContaining({
      name: 'server.properties',
      mode: '-rw-r--r--',
      mode_bits: '644',
      file: true,
      editable: true,
      mime: 'text/plain',
    }),
  ]);
});

test.each([
  ['name_asc', ['d', 'a', 'b', 'c']],
  ['name_desc', ['d', 'c', 'b', 'a']],
  ['size_asc', ['d', 'c', 'a', 'b']],
  ['physical_size_desc', ['d', 'b', 'a', 'c']],
  ['modified_desc', ['d', 'a', 'c', 'b']],
  ['created_asc', ['d', 'b', 'c', 'a']],
  ['of tomorrow', ['d', 'a', 'b', 'c']],
])('sorted by %s, directories come first', (sort, names) => {
  const items = [
    file('b', { size: 9, mtime: 1 }),
    file('a', { size: 5, mtime: 9 }),
    file('c', { size: 1, mtime: 5 }),
    { ...file('d'), kind: 'directory' as const },
  ];
  expect(directoryListing(items, { ...ALL, sort }).entries.map(({ name }) => name)).toEqual(names);
});

test('pages hold each entry once, and the total is of all', () => {
  const items = Array.from({ length: 7 }, (_, at) => file(`f${at}`));
  const pages = [1, 2, 3, 4].map((page) => directoryListing(items, { ...ALL, perPage: 3, page }));
  expect(pages.map(({ total }) => total)).toEqual([7, 7, 7, 7]);
  expect(pages.map(({ entries }) => entries.length)).toEqual([3, 3, 1, 0]);
  expect(pages.flatMap(({ entries }) => entries.map(({ name }) => name))).toEqual(items.map(({ name }) => name));
});

test('what is large, or no text, is not offered to be opened', () => {
  const items = [file('a.log', { size: 5_000_000 }), file('r.0.0.mca'), file('b.log')];
  expect(directoryListing(items, ALL).entries.map(({ editable }) => editable)).toEqual([false, true, false]);
});
