import { describe, expect, test } from 'vitest';
import { nameTest } from '../../../src/jobs/compare/name-pattern.ts';

describe('a search for names', () => {
  test.each([
    ['level', 'LEVEL.dat', true],
    ['level', 'le.vel', false],
    ['*.dat', 'level.dat', true],
    ['*.dat', 'level.dat.old', false],
    ['l?vel*', 'level.dat', true],
    ['?', 'ab', false],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbYbZ', false],
    ['*', '', true],
    ['[x]', 'a[x]b', true],
    ['.', 'level', false],
  ])('%j in %j: %s', (query, name, fits) => {
    expect(nameTest(query)(name)).toBe(fits);
  });

  test('takes names as text where they are text', () => {
    const name = Buffer.from('\u00dcbersicht').toString('latin1');
    expect(nameTest('\u00fcBER')(name)).toBe(true);
    expect(nameTest('u\u0308ber')(name)).toBe(true);
    expect(nameTest('x')('\xff\xfex')).toBe(true);
  });

  test('goes over a hostile pattern in steps that the lengths bound', () => {
    expect(nameTest(`${'*a'.repeat(60)}b`)('a'.repeat(255))).toBe(false);
  });
});
