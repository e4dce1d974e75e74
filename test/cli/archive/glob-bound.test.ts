/** Globs of `--glob` whose expression would take very long over names that an archive can have. */
import { describe, expect, it } from 'vitest';
import { matchGlobs } from '../../../src/cli/archive/choose.ts';
import { requireBounded } from '../../../src/cli/archive/glob-bound.ts';

describe('a glob', () => {
  it.each([
    'world',
    'world/**',
    '**/*.mca',
    'world*/**/region/r.*.*.mca',
    '**/*world*2024*.log',
    '*a*a*a*b',
    '**/a/**/b/*',
    '*/*/*/*/*/*',
    '{world,nether}/**/*.{mca,dat}',
    '@(a|b)/!(c)',
    '+(a|b)',
    'a\\*\\*\\*\\*\\*\\*\\*b',
    '[*][*][*][*][*][*]',
  ])('is taken: %s', (glob) => {
    expect(() => requireBounded(glob)).not.toThrow();
  });

  it.each([
    ['*a*a*a*a*b', 'it has too many stars'],
    ['*a*a*/*a*/*b', 'it has too many stars'],
    ['**/a/**/b/**/c', 'it has too many stars'],
    ['**/*a*a*a*b', 'it has too many stars'],
    ['+(a|*b)', 'it repeats what is repeated already'],
    ['+(+(a))b', 'it repeats what is repeated already'],
    ['a'.repeat(1025), 'it has 1025 characters, 1024 are allowed'],
  ])('is refused: %s', (glob, why) => {
    expect(() => matchGlobs(['world', glob])).toThrow(why);
  });

  it('matches no name that no disk takes, and no longer path', () => {
    const select = matchGlobs(['**']);
    const name = 'a'.repeat(255);
    expect([select(name), select(`${name}a`), select(`x/${name}a/x`)]).toEqual([true, false, false]);
    expect([select('a/'.repeat(2047)), select(`${'a/'.repeat(2048)}a`)]).toEqual([true, false]);
  });
});
