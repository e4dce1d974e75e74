/** The limits and their words: PT server/filesystem/ignore.go. */
import { expect, test } from 'vitest';
import { SERVER } from '../../../support/scripted-service.ts';
import { openWingsApp } from '../../../support/wings-app.ts';

const ID = 'bbbbbbbb-0000-4000-8000-00000000000a';
const KIB = 'The ignored files list may not be larger than 32 KiB.';
const PATTERNS = 'The ignored files list may not contain more than 256 patterns.';

async function create(flavour: 'pterodactyl' | 'pelican' | 'calagopus', ignore: string) {
  const { call } = await openWingsApp(flavour);
  const body = JSON.stringify({ adapter: 'wings', uuid: ID, ignore });
  const answer = await call('POST', `/api/servers/${SERVER}/backup`, { body });
  return [
    answer.status,
    answer.text === '' || answer.status === 202 ? '' : (JSON.parse(answer.text) as { error: string }).error,
  ];
}

test.each([
  ['a'.repeat(32 * 1024), 202, ''],
  ['a'.repeat(32 * 1024 + 1), 400, KIB],
  ['ä'.repeat(16 * 1024 + 1), 400, KIB],
  [Array.from({ length: 256 }, (_, index) => `${index}`).join('\n'), 202, ''],
  [Array.from({ length: 257 }, (_, index) => `${index}`).join('\n'), 400, PATTERNS],
  [`${'#\n \n\r\n'.repeat(300)}${'x\n'.repeat(256)}`, 202, ''],
  [`a\n\n${'*'.repeat(16)}\\*`, 202, ''],
  [`a\n\n${'*'.repeat(17)}`, 400, 'The ignored files pattern on line 3 may not contain more than 16 wildcards.'],
])('pterodactyl: list %#', async (ignore, status, error) => {
  expect(await create('pterodactyl', ignore)).toEqual([status, error]);
});

test.each(['pelican', 'calagopus'] as const)('%s has no such limits', async (flavour) => {
  expect(await create(flavour, 'x\n'.repeat(300))).toEqual([202, '']);
});
