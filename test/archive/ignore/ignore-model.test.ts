/** The ignore rules against the slow model of their own definition, and what a walk may rely on. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../src/base/files/paths.ts';
import { compileIgnore, type DirectoryRules, type IgnoreRules } from '../../../src/archive/ignore/ignore.ts';
import { decodeIgnoreText } from '../../../src/archive/ignore/ignore-text.ts';
import { prefixesOf, referenceLines, roostDecider, type ReferenceLine } from '../ignore-reference.ts';
import { randomFrom, randomList } from '../ignore-random.ts';

const NAMES = ['a', 'b', 'c', 'ab', 'ba', 'abc', 'a.b', '.a', 'A', 'a b', '!a', '[a]', '-', '\xc3\xa9', '\xff'];

const paths = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 5 }).map((names) => names.join('/'));

/** Lines that stand near the path; junk before them moves their positions over the borders of words. */
const cases = fc
  .record({ path: paths, seed: fc.nat(), length: fc.integer({ min: 1, max: 6 }), junk: fc.nat({ max: 12 }) })
  .map(({ path, seed, length, junk }) => {
    const random = randomFrom(seed);
    const before = Array.from(
      { length: junk },
      () => `zz${'*z?'.repeat(random.below(4))}/${'y'.repeat(random.below(9))}q`,
    );
    return { path, lines: [...before, ...randomList(random, [{ path }], length)] };
  });

function compiled(lines: readonly string[]): IgnoreRules {
  return compileIgnore(lines.map((line) => decodeIgnoreText(bytesOf(line))));
}

function modelIgnores(lines: readonly ReferenceLine[], path: string, isDirectory: boolean): boolean {
  return lines[roostDecider(lines, path, isDirectory)]?.negated === false;
}

function rulesIn(rules: IgnoreRules, directory: string): DirectoryRules {
  return directory === '' ? rules.root() : directory.split('/').reduce((at, name) => at.enter(name), rules.root());
}

describe('against the definition', () => {
  it('decides as the slow model does', () => {
    const seen = { ignored: 0, negated: 0 };
    fc.assert(
      fc.property(cases, fc.boolean(), ({ path, lines }, isDirectory) => {
        const model = referenceLines(lines);
        const expected = modelIgnores(model, path, isDirectory);
        if (expected) seen.ignored++;
        if (model[roostDecider(model, path, isDirectory)]?.negated) seen.negated++;
        expect(compiled(lines).ignores(path, isDirectory ? 'directory' : 'file')).toBe(expected);
      }),
      { numRuns: 20_000, seed: 7 },
    );
    expect(seen.ignored).toBeGreaterThan(4000);
    expect(seen.negated).toBeGreaterThan(2000);
  });

  it('keeps nothing below a pruned directory', () => {
    const all = NAMES.flatMap((one) => ['', ...NAMES.slice(0, 7)].map((two) => (two === '' ? one : `${one}/${two}`)));
    const seen = { pruned: 0, entered: 0 };
    fc.assert(
      fc.property(cases, ({ path, lines }) => {
        const rules = compiled(lines);
        const model = referenceLines(lines);
        for (const directory of prefixesOf(path)) {
          const parent = directory.slice(0, Math.max(0, directory.lastIndexOf('/')));
          const verdict = rulesIn(rules, parent).child(directory.slice(directory.lastIndexOf('/') + 1), true);
          expect(verdict.ignored).toBe(modelIgnores(model, directory, true));
          if (!verdict.prune) {
            if (verdict.ignored) seen.entered++;
            continue;
          }
          seen.pruned++;
          const below = [...all.map((rest) => `${directory}/${rest}`), path].filter((at) =>
            at.startsWith(`${directory}/`),
          );
          const kept = below.filter((at) => !modelIgnores(model, at, false) || !modelIgnores(model, at, true));
          expect(kept).toEqual([]);
        }
      }),
      { numRuns: 1500, seed: 11 },
    );
    expect(seen.pruned).toBeGreaterThan(200);
    expect(seen.entered).toBeGreaterThan(200);
  });

  it('says the same name by name, path by path, and after its lines were stored and read again', () => {
    fc.assert(
      fc.property(cases, ({ path, lines }) => {
        const rules = compiled(lines);
        const again = compileIgnore(JSON.parse(JSON.stringify(rules.lines)) as string[]);
        const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
        for (const isDirectory of [true, false]) {
          const verdict = rulesIn(rules, parent).child(path.slice(path.lastIndexOf('/') + 1), isDirectory);
          const kind = isDirectory ? 'directory' : 'other';
          expect(rules.ignores(path, kind)).toBe(verdict.ignored);
          expect(again.ignores(path, kind)).toBe(verdict.ignored);
        }
      }),
      { numRuns: 2000, seed: 13 },
    );
  });
});
