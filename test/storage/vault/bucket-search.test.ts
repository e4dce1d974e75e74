import { describe, expect, test } from 'vitest';
import { type Rules, search, SOUND } from './bucket-search.ts';

const SIZES = [
  [1, 1],
  [1, 2],
  [2, 1],
] as const;

describe.each(SIZES)('V9: %i writers and %i collectors of a bucket, in every order of their requests', (...size) => {
  test.each([
    ['shows each change at once', false],
    ['lags', true],
  ])('lose nothing when it %s', (_, lags) => {
    const { lostAfter, states } = search(SOUND, ...size, lags);
    expect(lostAfter).toBeUndefined();
    expect(states).toBeGreaterThan(50);
  });
});

const BROKEN: readonly (readonly [string, Partial<Rules>])[] = [
  ['the writer does not look at marks', { writerLooks: false }],
  ['recipes are read before the marks', { readsAfterMarks: false }],
  ['marks are taken back', { marksStay: false }],
  ['a doomed place counts', { doomedIsNoPlace: false }],
  ['nobody waits for listings', { waits: false }],
];

test.each(BROKEN)('V9: the search finds a loss where %s', (_, broken) => {
  const found = [false, true].map((lags) => search({ ...SOUND, ...broken }, 1, 2, lags).lostAfter);
  expect(found.some((steps) => steps !== undefined)).toBe(true);
});
