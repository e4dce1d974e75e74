import { expect, test } from 'vitest';
import { nearest } from '../../src/config/nearest.ts';

test.each([
  ['maxSize', ['per_server', 'max_size'], 'max_size'],
  ['max-size', ['per_server', 'max_size'], 'max_size'],
  ['prot', ['host', 'port'], 'port'],
  ['tls', ['host', 'tls'], 'tls'],
  ['scedules', ['schedules', 'servers'], 'schedules'],
  ['x', ['host', 'port'], undefined],
  ['', ['host'], undefined],
  ['entirely', ['host', 'port'], undefined],
])('%j among %j means %j', (word, known, expected) => {
  expect(nearest(word, known)).toBe(expected);
});

test('of two that are near, the nearer one', () => {
  expect(nearest('keep_dayly', ['keep_days', 'keep_daily'])).toBe('keep_daily');
});

test('a word of a megabyte costs no time to speak of', () => {
  expect(nearest('a'.repeat(1_000_000), ['api'])).toBeUndefined();
});
