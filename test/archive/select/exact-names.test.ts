import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExactNames } from '../../../src/archive/select/exact-names.ts';
import { selectEither, selectPaths } from '../../../src/archive/select/selection.ts';
import { printable, wirePath } from '../../../src/base/files/paths.ts';

function find(asked: readonly string[], paths: readonly string[]) {
  const names = new ExactNames(asked);
  for (const path of paths) names.see(path);
  return names.result();
}

describe('exact names', () => {
  it.each([
    '!config.yml',
    '!first',
    'resources/[local]',
    'a{b,c}.txt',
    'what?.txt',
    'star*',
    '(old) world',
    'lib+(1).jar',
    '@(a|b)',
    '#comment',
    ' leading',
    'trailing ',
    'back\\slash',
    'ends in\\',
    'new\nline',
    'return\r',
    '**',
    '-dash',
    '~',
  ])('%j means itself and nothing else', (name) => {
    const others = ['ab.txt', 'ac.txt', 'whatX.txt', 'starry', 'config.yml', 'a', 'b', 'x/y', 'resources/l'];
    expect(find([name], [...others, name])).toEqual({ found: [name], missing: [] });
    expect(find([name], others)).toEqual({ found: [], missing: [name] });
  });

  it('are directories too, with an entry of their own or without', () => {
    expect(find(['world', 'a/b'], ['world/level.dat', 'a/b/c/d'])).toEqual({ found: ['world', 'a/b'], missing: [] });
    expect(find(['worl', 'a/b/c/d/e'], ['world/level.dat', 'a/b/c/d']).found).toEqual([]);
  });

  it('may begin with ./ and end in a slash', () => {
    expect(find(['./world/', '//a', '././b//'], ['world', 'a', 'b']).found).toEqual(['world', 'a', 'b']);
  });

  it('of bytes that are no text are found as a listing shows them, whole or name by name', () => {
    const path = 'caf\xc3\xa9/n\xe4me';
    for (const asked of [wirePath(path), 'café/n\\xe4me', 'caf\\xc3\\xa9/n\\xe4me']) {
      expect(find([asked], [path])).toEqual({ found: [path], missing: [] });
    }
    expect(find(['caf\\xe9'], ['caf\xe9/menu']).found).toEqual(['caf\xe9']);
  });

  it('are read as they stand before an escape in them is', () => {
    expect(find(['\\xe4'], ['\xe4', '\\xe4']).found).toEqual(['\\xe4']);
    expect(find(['\\xe4'], ['\xe4']).found).toEqual(['\xe4']);
    expect(find(['\\x41'], ['A', '\\x41/x']).found).toEqual(['\\x41']);
  });

  it('find every path of an archive by what a listing or a terminal shows of it', () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 6 })
      .map((bytes) => Buffer.from(bytes).toString('latin1').replace(/[\0/]/g, '_'))
      .filter((text) => text !== '.' && text !== '..');
    const paths = fc.array(fc.array(name, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 });
    const property = fc.property(paths, (list) => {
      const all = list.map((names) => names.join('/'));
      for (const path of all) {
        for (const shown of [wirePath(path), path.split('/').map(wirePath).join('/'), printable(path)]) {
          const { found, missing } = find([shown], all);
          expect(missing, shown).toEqual([]);
          expect(found.every((each) => each === path || printable(each) === printable(path) || each === shown)).toBe(
            true,
          );
        }
      }
    });
    fc.assert(property, { numRuns: 300 });
  });
});

describe('a selection of paths', () => {
  const selection = selectPaths(['a/b', 'c']);

  it.each([
    ['a', false],
    ['a/b', true],
    ['a/b/c/d', true],
    ['a/bc', false],
    ['c/d', true],
    ['cd', false],
  ])('of a/b and c holds %s: %s', (path, selected) => {
    expect(selection.selects(path, 'file')).toBe(selected);
  });

  it('says on the way down where there is nothing more to find', () => {
    expect(selection.root().child('a', true)).toEqual({ selected: false, below: 'some' });
    expect(selection.root().child('x', true)).toEqual({ selected: false, below: 'none' });
    expect(selection.root().enter('a').child('b', true)).toEqual({ selected: true, below: 'all' });
    expect(selection.root().enter('x').child('b', true)).toEqual({ selected: false, below: 'none' });
    const both = selectEither(selection, selectPaths(['x/b']));
    expect(both.root().enter('x').child('b', false)).toEqual({ selected: true, below: 'all' });
    expect(both.root().child('y', true)).toEqual({ selected: false, below: 'none' });
  });
});
