import { describe, expect, it } from 'vitest';
import { fromText } from '../../../src/base/files/paths.ts';
import { matchGlobs } from '../../../src/cli/archive/choose.ts';

function chosen(globs: readonly string[], paths: readonly string[]): string[] {
  const select = matchGlobs(globs);
  return paths.filter((path) => select(fromText(path)));
}

const PATHS = [
  'world',
  'world/level.dat',
  'world/region/r.0.0.mca',
  'worlds',
  'plugins/a.jar',
  '.hidden/world',
  'ä.txt',
];

describe('choosing paths of an archive', () => {
  it('takes everything in a directory that is named', () => {
    expect(chosen(['world'], PATHS)).toEqual(['world', 'world/level.dat', 'world/region/r.0.0.mca']);
  });

  it('reads "./world/" as "world"', () => {
    expect(chosen(['./world/'], PATHS)).toEqual(chosen(['world'], PATHS));
  });

  it('takes what any of several globs matches', () => {
    expect(chosen(['world/*.dat', '**/*.jar'], PATHS)).toEqual(['world/level.dat', 'plugins/a.jar']);
  });

  it('finds dot files', () => {
    expect(chosen(['**/world'], PATHS)).toContain('.hidden/world');
  });

  it('takes "?" as one letter in any alphabet', () => {
    expect(chosen(['?.txt'], PATHS)).toEqual(['ä.txt']);
  });

  it('matches names that are no text byte by byte', () => {
    expect(matchGlobs(['caf?/*'])('caf\xe9/menu')).toBe(true);
  });

  it('does not take "!" for a negation', () => {
    expect(chosen(['!world'], PATHS)).toEqual([]);
  });
});
