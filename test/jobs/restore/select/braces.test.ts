import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandBraces } from '../../../../src/jobs/restore/select/braces.ts';

const MOST = 1000;

describe('braces', () => {
  it.each([
    ['plain', ['plain']],
    ['{a,b}', ['a', 'b']],
    ['x{a,b}y{1,2}', ['xay1', 'xay2', 'xby1', 'xby2']],
    ['{a,b{1..2},}', ['a', 'b1', 'b2', '']],
    ['r.{0..2}.mca', ['r.0.mca', 'r.1.mca', 'r.2.mca']],
    ['{2..0}', ['2', '1', '0']],
    ['{08..10}', ['08', '09', '10']],
    ['{-1..1}', ['-1', '0', '1']],
    ['{1..9..4}', ['1', '5', '9']],
    ['{1..5..0}', ['1', '2', '3', '4', '5']],
    ['{a..d..2}', ['a', 'c']],
    ['{C..A}', ['C', 'B', 'A']],
    ['{a}', ['{a}']],
    ['{}', ['{}']],
    ['{a,{b}', ['{a,{b}']],
    ['{a,{b,c}', ['{a,b', '{a,c']],
    ['a}b{c', ['a}b{c']],
    ['{1e9..2}', ['{1e9..2}']],
    ['{0x1..3}', ['{0x1..3}']],
    ['{1..1e9}', ['{1..1e9}']],
    ['{1.5..3}', ['{1.5..3}']],
    ['{Z..a}', ['{Z..a}']],
    ['{1..2..3..4}', ['{1..2..3..4}']],
    ['\\{a,b\\}', ['\\{a,b\\}']],
    ['{a\\,b,c}', ['a\\,b', 'c']],
  ])('%s', (glob, results) => {
    expect(expandBraces(glob, MOST)).toEqual(results);
  });

  it('are counted exactly', () => {
    expect(expandBraces('{1..1000}', MOST)).toHaveLength(1000);
    expect(expandBraces('{a,b}'.repeat(9), MOST)).toHaveLength(512);
    for (const glob of ['{1..1001}', '{a,b}'.repeat(10), '{1..500}{a,b,c}', '{{1..999},a,b}', '{999999999..1}']) {
      expect(() => expandBraces(glob, MOST), glob).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    }
  });

  it.each([
    '{a,b}'.repeat(200),
    '{'.repeat(1000),
    `${'{a,'.repeat(300)}b${'}'.repeat(300)}`,
    '{0..999999999}'.repeat(60),
    '{-999999999..999999999}',
    '{a..z}'.repeat(150),
  ])('that stand for too much are refused before one result is made: %#', (glob) => {
    expect(() => expandBraces(glob, MOST)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('mean what they mean to bash', () => {
    // Shells differ where braces do not fit together; there a brace is a plain character here.
    const word = fc.constantFrom('a', 'B', '.', '-', '{1..3}', '{03..1}', '{-1..1..2}', '{a..c}', '{C..A}', '{x}');
    const list = fc.array(
      fc.array(word, { maxLength: 2 }).map((parts) => parts.join('')),
      { minLength: 2, maxLength: 3 },
    );
    const nested = fc
      .tuple(word, list, list)
      .map(([text, one, other]) => `{${text},{${one.join(',')}}${text}}{${other.join(',')}}`);
    const piece = fc.oneof(
      word,
      list.map((parts) => `{${parts.join(',')}}`),
      nested,
    );
    // At most four for each brace: more of them stand for more globs than one may.
    const few = (glob: string): boolean => glob.split('{').length <= 9;
    const glob = fc.array(piece, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(''));
    const globs = fc.array(glob.filter(few), { minLength: 10, maxLength: 10 });
    const property = fc.property(globs, (list) => {
      const script = list.map((glob) => `printf '<%s>' ${glob}; echo`).join('\n');
      const { stdout } = spawnSync('bash', ['-fc', script], { encoding: 'utf8', maxBuffer: 2 ** 28 });
      const wanted = stdout.trimEnd().split('\n');
      // A shell drops a word that became empty.
      const got = list.map((glob) =>
        expandBraces(glob, MOST ** 2)
          .filter((each) => each !== '')
          .map((each) => `<${each}>`),
      );
      expect(got.map((each) => (each.length === 0 ? '<>' : each.join('')))).toEqual(wanted);
    });
    fc.assert(property, { numRuns: 30 });
  });
});
