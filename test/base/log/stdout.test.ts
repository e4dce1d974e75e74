import { closeSync, fstatSync, openSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { isJournal } from '../../../src/base/log/stdout.ts';

test('the journal is known by the device and the inode that JOURNAL_STREAM names', () => {
  const fd = openSync('/dev/null', 'w');
  onTestFinished(() => closeSync(fd));
  const { dev, ino } = fstatSync(fd);
  expect(isJournal(fd, `${dev}:${ino}`)).toBe(true);
  expect(isJournal(fd, `${dev}:${ino + 1}`)).toBe(false);
  expect(isJournal(fd, 'nonsense')).toBe(false);
  expect(isJournal(fd, undefined)).toBe(false);
  expect(isJournal(999_999, `${dev}:${ino}`)).toBe(false);
});
