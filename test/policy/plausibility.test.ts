import { describe, expect, test } from 'vitest';
import { judgePlausibility, type SuspectRules } from '../../src/policy/plausibility.ts';
import { backupId } from '../support/catalogue-rows.ts';

const RULES: SuspectRules = { lostFiles: 50, lostBytes: 50, unreadable: 10 };
const MIB = 2 ** 20;
const GOOD = { id: backupId(1), files: 100, bytes: 100 * MIB };

function reason(
  files: number,
  bytes: number,
  more: { unreadable?: number; baseline?: typeof GOOD | null; rules?: Partial<SuspectRules> } = {},
) {
  const { unreadable = 0, baseline = GOOD, rules = {} } = more;
  return judgePlausibility({ files, bytes, unreadable }, baseline, { ...RULES, ...rules })?.reason ?? null;
}

describe('against the last good backup', () => {
  test.each([
    [100, 100 * MIB, null],
    [50, 50 * MIB, null],
    [49, 100 * MIB, 'shrunken_files'],
    [100, 50 * MIB - 1, 'shrunken_bytes'],
    [100, 0, 'shrunken_bytes'],
    [0, 0, 'empty'],
    [1000, 1000 * MIB, null],
  ])('%d files of %d bytes are judged as %s', (files, bytes, expected) => {
    expect(reason(files, bytes)).toBe(expected);
  });

  test('a few bytes less are no loss, unless all are lost', () => {
    const baseline = { ...GOOD, bytes: 4096 };
    expect(reason(100, 1, { baseline })).toBeNull();
    expect(reason(100, 0, { baseline })).toBe('shrunken_bytes');
  });

  test('an empty one that follows an accepted empty one is plausible', () => {
    expect(reason(0, 0, { baseline: { ...GOOD, files: 0, bytes: 0 } })).toBeNull();
  });
});

describe('without a good backup before it', () => {
  test('only an empty and an unreadable one are suspect', () => {
    expect(reason(1, 0, { baseline: null })).toBeNull();
    expect(reason(0, 0, { baseline: null })).toBe('empty');
    expect(reason(89, MIB, { baseline: null, unreadable: 11 })).toBe('unreadable');
  });
});

test('a tenth that cannot be read is told, but more of it is suspect', () => {
  expect(reason(90, 90 * MIB, { unreadable: 10 })).toBeNull();
  expect(reason(89, 90 * MIB, { unreadable: 10 })).toBe('unreadable');
});

test('each rule can be turned off, or set otherwise', () => {
  const off = { lostFiles: 0, lostBytes: 0, unreadable: 0 };
  expect(reason(0, 0, { unreadable: 5, rules: off })).toBeNull();
  expect(reason(0, 0, { rules: { ...off, lostBytes: 50 } })).toBe('shrunken_bytes');
  expect(reason(89, 100 * MIB, { rules: { lostFiles: 10 } })).toBe('shrunken_files');
});

test('the sentence names the numbers', () => {
  const suspicion = judgePlausibility({ files: 3, bytes: 10, unreadable: 0 }, GOOD, RULES);
  expect(suspicion).toEqual({
    reason: 'shrunken_files',
    message: 'It holds 3 files, the last good backup 100',
    files: 3,
    bytes: 10,
    baseline: GOOD,
  });
  const one = judgePlausibility({ files: 1, bytes: 10, unreadable: 0 }, GOOD, RULES);
  expect(one?.message).toBe('It holds 1 file, the last good backup 100');
});
