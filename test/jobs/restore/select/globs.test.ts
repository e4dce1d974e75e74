import * as fc from 'fast-check';
import micromatch from 'micromatch';
import { describe, expect, it } from 'vitest';
import { fromText } from '../../../../src/base/files/paths.ts';
import { compileGlobs } from '../../../../src/jobs/restore/select/globs.ts';

function selects(globs: readonly string[], path: string): boolean {
  return compileGlobs(globs).selects(fromText(path), 'file');
}

/** What micromatch says, of the path or of a directory above it. */
function expected(globs: readonly string[], path: string): boolean {
  const names = path.split('/');
  const prefixes = names.map((_, index) => names.slice(0, index + 1).join('/'));
  const matches = (glob: string): boolean => {
    // `a/**` means what is in the directory `a`; micromatch lets it mean a file of that name too, but not always.
    const inside = glob.replace(/(\/\*\*)+$/, '');
    const among = inside === glob || inside === '**' ? prefixes : prefixes.slice(0, -1);
    return among.some((prefix) => micromatch.isMatch(prefix, inside, { dot: true }));
  };
  const expanded = globs.flatMap((glob) => micromatch.braces(glob, { expand: true }));
  const positive = expanded.filter((glob) => !glob.startsWith('!'));
  const excluded = expanded.filter((glob) => glob.startsWith('!')).some((glob) => matches(glob.slice(1)));
  return !excluded && (positive.length === 0 || positive.some(matches));
}

describe('the globs of a restore', () => {
  it('mean what they mean to micromatch, and stand for all below them', () => {
    const name = fc.constantFrom('a', 'b', 'ab', 'abc', '.a', 'a.log', 'r.0.0.mca');
    const part = fc.constantFrom(
      'a',
      'b',
      '*',
      'a*',
      '*b',
      '?',
      'a?c',
      '*.log',
      '[ab]',
      '[^b]*',
      '**',
      '{a,b}',
      'r.{0..2}.*',
      '.*',
    );
    const glob = fc.tuple(fc.constantFrom('', '', '!'), fc.array(part, { minLength: 1, maxLength: 3 }));
    const globs = fc.array(
      glob.map(([sign, parts]) => sign + parts.join('/')),
      { minLength: 1, maxLength: 3 },
    );
    const paths = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
    const property = fc.property(globs, paths, (list, path) => {
      // As in a shell, a class does not match the dot that a name begins with; to us it is a character like others.
      fc.pre(!path.includes('.a') || !list.some((each) => each.includes('[')));
      expect(selects(list, path), `${path} by ${JSON.stringify(list)}`).toBe(expected(list, path));
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it.each([
    [['world'], 'world/region/r.0.0.mca', true],
    [['world/'], 'world/level.dat', true],
    [['/world/level.dat'], 'world/level.dat', true],
    [['./world'], 'world', true],
    [['world'], 'worlds', false],
    [['wor*/**'], 'world/level.dat', true],
    [['wor*/**'], 'words.txt', false],
    [['world'], 'old/world', false],
    [['**/world'], 'old/world/level.dat', true],
    [['*.yml'], 'plugins/a.yml', false],
    [['config (1)/*'], 'config (1)/a', true],
    [['café/**'], 'café/a', true],
    [['name '], 'name ', true],
    [['name '], 'name', false],
    [['#a', '\\!b'], '#a', true],
    [['#a', '\\!b'], '!b', true],
    [['a\\*b'], 'a*b', true],
    [['a\\*b'], 'aab', false],
    [['{a,b}\\*'], 'a*', true],
    [['{a,b}\\*'], 'ac', false],
    [['**'], 'anything/at/all', true],
    [['!logs'], 'world/level.dat', true],
    [['!logs'], 'logs/latest.log', false],
  ])('%j on %s: %s', (globs, path, selected) => {
    expect(selects(globs, path)).toBe(selected);
  });

  it.each([
    [[]],
    [['']],
    [['/']],
    [['.']],
    [['../other']],
    [['world/../../etc']],
    [['a'.repeat(2000)]],
    [Array.from({ length: 101 }, () => 'a')],
    [['{a,b}'.repeat(12)]],
    [['{1..1000000}']],
    [['{a,{b,{c,{d,{e,{f,{g,{h,{i,{j,{k,l}}}}}}}}}}}'.repeat(9)]],
    [['!(a|b)']],
    [['+(a)*']],
    [['a\nb']],
  ])('refuses %j', (globs) => {
    expect(() => compileGlobs(globs)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('takes steps in proportion to the names, whatever the pattern', () => {
    const selection = compileGlobs([`${'*a'.repeat(400)}*b`, `${'**/'.repeat(200)}b`]);
    expect(selection.selects('a'.repeat(255), 'file')).toBe(false);
    expect(selection.selects(`${'a/'.repeat(1000)}c`, 'file')).toBe(false);
    expect(selection.steps).toBeLessThan(1_000_000);
  });

  it('gives up when a list is not worth its steps, instead of going on for hours', () => {
    const costly = compileGlobs(Array.from({ length: 100 }, (_, at) => `**/${'*a'.repeat(127)}${at}`));
    const name = `${'a'.repeat(250)}/`.repeat(8);
    const look = (): void => {
      for (let at = 0; at < 1000; at++) costly.selects(`${name}${at}`, 'file');
    };
    expect(look).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(costly.steps).toBeLessThan(100_000_000);
  });

  it('lets a hundred usual globs look at many names', () => {
    const usual = compileGlobs(Array.from({ length: 100 }, (_, at) => `**/*.x${at}`));
    for (let at = 0; at < 3000; at++) usual.selects(`world/region/r.${at}.0.mca`, 'file');
    expect(usual.selects('world/a.x7', 'file')).toBe(true);
  });

  it('never fails but by refusing, over random text', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      ',',
      '..',
      '[',
      ']',
      '!',
      '*',
      '**',
      '?',
      '\\',
      '/',
      'a',
      '9e9',
      '(',
      ')',
      '^',
      '-',
      ' ',
      '[:alpha:]',
    );
    const text = fc.array(piece, { minLength: 1, maxLength: 40 }).map((parts) => parts.join(''));
    const property = fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (list) => {
      let selection: ReturnType<typeof compileGlobs>;
      try {
        selection = compileGlobs(list);
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_request' });
        return;
      }
      for (const path of ['a', 'a/b', '!a', '[', 'a\\b/c d']) selection.selects(path, 'file');
      expect(selection.steps).toBeLessThan(500_000);
    });
    fc.assert(property, { numRuns: 500 });
  });
});
