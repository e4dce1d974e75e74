/** Lists that are made to be slow. Work is counted in steps of the automata, never in time. */
import { describe, expect, it } from 'vitest';
import { MAX_BYTES, MAX_LINE_BYTES, compileIgnore } from '../../../src/archive/ignore/ignore.ts';

/** Steps that matching a path took, and the bound that the path's length sets. */
function work(lines: readonly string[], path: string): { steps: number; bound: number; maxStepsPerByte: number } {
  const rules = compileIgnore(lines);
  rules.ignores(path, 'file');
  // A name is read once by the automaton of names; entering a directory reads it a second time in that of paths.
  return {
    steps: rules.steps,
    bound: 2 * (path.length + 1) * rules.maxStepsPerByte,
    maxStepsPerByte: rules.maxStepsPerByte,
  };
}

/** As many copies of a line as a list may have. */
function fill(line: string): string[] {
  return Array.from({ length: Math.min(4096, Math.floor(MAX_BYTES / line.length)) }, () => line);
}

const DEEP = Array.from({ length: 500 }, () => 'aaaaaaa').join('/');
const LONG = 'a'.repeat(255);

const HOSTILE: readonly [string, readonly string[]][] = [
  ['stars between letters', fill(`${'*a'.repeat(16)}*b`)],
  ['one long line of stars', fill(`${'*a'.repeat(2047)}b`)],
  ['deep stars', fill(`a/${'**/'.repeat(60)}x`)],
  ['deep stars between names', fill(`${'**/a/'.repeat(60)}x`)],
  ['deep stars and stars', fill(`${'**/*a*/'.repeat(60)}x`)],
  ['deep stars that git tries as prefixes', fill(`a**/${'*a**/'.repeat(50)}x`)],
  ['question marks behind a star', fill(`*${'?'.repeat(240)}b`)],
  ['question marks in a path', fill(`**/*${'?'.repeat(200)}/b`)],
  ['brackets', fill(`*${'[!b]'.repeat(200)}b`)],
  ['thousands of suffixes', Array.from({ length: 4096 }, (_, index) => `*a${index}`.slice(0, 7))],
  ['thousands of names', Array.from({ length: 4096 }, (_, index) => `a${index}`)],
  ['thousands of anchored names', Array.from({ length: 3000 }, (_, index) => `/a/a${index}`)],
  ['negations everywhere', fill('!**/a*b/*c')],
];

describe('hostile lists', () => {
  it.each(HOSTILE)('costs at most a step for each word and byte: %s', (_, lines) => {
    for (const path of [DEEP, LONG, `${LONG}/${LONG}`, `${'a/'.repeat(1000)}x`]) {
      const { steps, bound } = work(lines, path);
      expect(steps).toBeLessThanOrEqual(bound);
    }
  });

  it('has no more words than a list has bytes and lines', () => {
    for (const [, lines] of HOSTILE) {
      const { maxStepsPerByte } = work(lines, 'a');
      const bytes = lines.reduce((sum, line) => sum + line.length, 0);
      expect(maxStepsPerByte).toBeLessThanOrEqual((bytes + 2 * lines.length) / 32 + 2);
    }
  });

  it('does twice the work for twice the path, and for twice the list', () => {
    const line = '*a*a*a*a*a*a*a*b';
    const once = work([`${line}/x`], 'a'.repeat(2000)).steps;
    const longer = work([`${line}/x`], 'a'.repeat(4000)).steps;
    const wider = work(
      Array.from({ length: 64 }, () => `${line}/x`),
      'a'.repeat(2000),
    ).steps;
    expect(longer).toBeLessThanOrEqual(2 * once + 2);
    expect(wider).toBeLessThanOrEqual(64 * once);
  });

  it('does no work over again for a directory whose names are asked one by one', () => {
    const rules = compileIgnore(['a/*/c/*.log', '**/b/*.tmp']);
    const deep = 'a/b/c/'.repeat(100).slice(0, -1).split('/');
    const directory = deep.reduce((at, name) => at.enter(name), rules.root());
    const before = rules.steps;
    for (let index = 0; index < 1000; index++) directory.child(`f${index % 10}`, false);
    expect(rules.steps - before).toBeLessThanOrEqual(1000 * 2 * rules.maxStepsPerByte);
  });

  it('does no work at all where no line can match any more', () => {
    const rules = compileIgnore(['/plugins/dynmap/web/tiles/*', 'world/*.tmp', 'logs', 'cache/']);
    const region = rules.root().enter('mods').enter('config');
    const before = rules.steps;
    for (let index = 0; index < 1000; index++) expect(region.child(`r.${index}.mca`, false).ignored).toBe(false);
    expect(rules.steps).toBe(before);
  });

  it('reads brackets that never close, and class names that never end, once', () => {
    const open = '[[:'.repeat(Math.floor(MAX_LINE_BYTES / 3));
    expect(compileIgnore(fill(open)).warnings).toHaveLength(8);
    expect(compileIgnore(fill(`${open.slice(0, -3)}x]`)).warnings).toEqual([]);
    expect(compileIgnore(fill('['.repeat(MAX_LINE_BYTES))).warnings).toHaveLength(8);
    expect(compileIgnore(fill('\\'.repeat(MAX_LINE_BYTES - 1))).warnings).toHaveLength(8);
  });

  it('is right on what backtracking matchers choke on', () => {
    const rules = compileIgnore(['*a*a*a*a*a*a*a*a*a*a*b', 'x/**/**/**/**/**/**/y/**/z']);
    expect(rules.ignores(`${'a'.repeat(200)}b`, 'file')).toBe(true);
    expect(rules.ignores('a'.repeat(200), 'file')).toBe(false);
    expect(rules.ignores(`x/${'a/'.repeat(300)}y/${'b/'.repeat(300)}z`, 'file')).toBe(true);
    expect(rules.ignores(`x/${'y/'.repeat(600)}zz`, 'file')).toBe(false);
  });
});
