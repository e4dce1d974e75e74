import { expect, test } from 'vitest';
import { isUuid, newBackupId, newJobId, parseBackupId, parseJobId, parseServerId } from '../../src/base/ids.ts';

const UUID = '0b9f6a3e-6f0c-4d8e-9b1a-2c3d4e5f6a7b';

test.each([
  UUID.toUpperCase(),
  UUID.replaceAll('-', ''),
  `${UUID} `,
  `${UUID}\n`,
  `../${UUID}`,
  `${UUID}/..`,
  UUID.slice(1),
  `{${UUID}}`,
  '',
  '%2e%2e',
])('%j is answered as an unknown id', (text) => {
  expect(isUuid(text)).toBe(false);
  expect(() => parseServerId(text)).toThrow(expect.objectContaining({ code: 'server_not_found' }));
  expect(() => parseBackupId(text)).toThrow(expect.objectContaining({ code: 'backup_not_found' }));
  expect(() => parseJobId(text)).toThrow(expect.objectContaining({ code: 'job_not_found' }));
});

test('canonical ids pass, and new ones are canonical', () => {
  expect(parseServerId(UUID)).toBe(UUID);
  expect([newBackupId(), newJobId()].every(isUuid)).toBe(true);
});
