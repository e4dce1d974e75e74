import { describe, expect, test, vi } from 'vitest';
import type { Entry } from '../../../src/archive/entry.ts';
import { Ancestors } from '../../../src/archive/read/ancestors.ts';

const entry = (path: string, kind: Entry['kind']): Entry => ({ path, kind }) as Entry;
const directory = (path: string): Entry => entry(path, 'directory');
const file = (path: string): Entry => entry(path, 'file');

function scene(refused: readonly string[] = []) {
  const ancestors = new Ancestors();
  const made: string[] = [];
  const make = (each: Entry): string | undefined =>
    ancestors.make(each, ({ path }) => {
      made.push(path);
      return !refused.includes(path);
    })?.path;
  return { ancestors, made, make };
}

describe('directories above entries', () => {
  test('are made from the root on, once, when something below them is wanted', () => {
    const { ancestors, made, make } = scene();
    for (const path of ['a', 'a/b', 'a/b/c']) ancestors.descend(directory(path));
    expect(made).toEqual([]);
    expect([make(file('a/x')), make(file('a/b/c/y')), make(file('a/b/z')), make(file('top'))]).toEqual(
      Array(4).fill(undefined),
    );
    expect(made).toEqual(['a', 'a/b', 'a/b/c']);
  });

  test('that are beside it are not above it, though their names begin alike', () => {
    const { ancestors, made, make } = scene();
    ancestors.descend(directory('a'));
    ancestors.descend(directory('ab'));
    expect([make(file('ab/x')), make(file('a.txt'))]).toEqual([undefined, undefined]);
    expect(made).toEqual(['ab']);
  });

  test('count the entry itself where it is a directory', () => {
    const { ancestors, made, make } = scene();
    const [above, own] = [directory('a'), directory('a/b')];
    ancestors.descend(above);
    ancestors.descend(own);
    expect(make(own)).toBeUndefined();
    expect(made).toEqual(['a', 'a/b']);
  });

  test('that cannot be are tried once, and named for all that lies below them', () => {
    const { ancestors, made, make } = scene(['a/b']);
    for (const path of ['a', 'a/b', 'a/b/c']) ancestors.descend(directory(path));
    expect([make(file('a/b/c/x')), make(file('a/b/y')), make(file('a/z'))]).toEqual(['a/b', 'a/b', undefined]);
    ancestors.descend(directory('a/d'));
    expect(make(file('a/d/x'))).toBeUndefined();
    expect(made).toEqual(['a', 'a/b', 'a/d']);
  });

  test('a thousand deep cost a few comparisons for each entry', () => {
    const { ancestors, made, make } = scene();
    let path = 'd';
    for (let depth = 0; depth < 1000; depth++) ancestors.descend(directory((path += '/d')));
    make(file(`${path}/first`));
    expect(made).toHaveLength(1000);
    const compared = vi.spyOn(String.prototype, 'startsWith');
    for (let number = 0; number < 100; number++) make(file(`${path}/${number}`));
    const times = compared.mock.calls.length;
    compared.mockRestore();
    expect(times).toBeLessThan(100 * 20);
  });
});
