/** What lists of backups show beside the fields of the API, and the short names that commands take back. */
import { expect, onTestFinished, test } from 'vitest';
import { type Answer, startFakeDaemon } from '../fake-daemon.ts';
import { run } from '../run.ts';

const SERVER = '0f0e9c52-6d3d-4c5b-9f0e-2f6a1b7c8d90';
const OTHER = '0f0e9c53-6d3d-4c5b-9f0e-2f6a1b7c8d90';
const BACKUP = 'aaaaaaaa-1111-4111-8111-111111111111';

function backup(name: string, fields: object): object {
  const createdAt = '2024-05-01T10:00:00.000Z';
  return { id: BACKUP, name, size: 2048, status: 'COMPLETED', isLocked: false, createdAt, ...fields };
}

async function roost(argv: readonly string[], answer: (path: string) => Answer['body']) {
  const daemon = await startFakeDaemon(({ url }) => ({ status: 200, body: answer(url) }));
  onTestFinished(() => daemon.close());
  const ran = await run(['backup', ...argv], { env: { ROOST_URL: daemon.url, ROOST_TOKEN: 'secret-token' } });
  return { ...ran, asked: daemon.asked.map(({ url }) => url) };
}

test('a list tells what made a backup that no token asked for', async () => {
  const backups = [
    backup('nightly', { origin: { by: 'schedule' } }),
    backup('by hand', { origin: { by: 'token', token: 'operator' } }),
    backup('gone wrong', { origin: { by: 'panel' }, status: 'FAILED', error: { code: 'internal', message: 'No' } }),
    backup('of 0.1.0', {}),
  ];
  const { stdout } = await roost(['list', SERVER], () => backups);
  const names = stdout.trimEnd().split('\n').slice(1);
  expect(names.map((line) => line.replace(/^.* no {6}/, ''))).toEqual([
    'nightly, by schedule',
    'by hand',
    'internal: No (gone wrong, by panel)',
    'of 0.1.0',
  ]);
});

test('show tells who made it, and times as the lists do', async () => {
  const shown = backup('by hand', {
    origin: { by: 'token', token: 'operator' },
    verifiedAt: '2024-05-02T10:00:00.000Z',
  });
  const { stdout } = await roost(['show', SERVER, BACKUP], () => shown);
  expect(stdout).toMatch(
    /^made by: +operator\ncreated: +2024-\d\d-\d\d \d\d:\d\d\nverified: +2024-\d\d-\d\d \d\d:\d\d$/m,
  );
});

test('a server is found by the start of its id, as lists show it, and by a name first', async () => {
  const servers = [
    { id: SERVER, name: 'survival' },
    { id: OTHER, name: '0f0e9c52' },
  ];
  const listed = async (word: string) => {
    const { asked, exitCode } = await roost(['list', word], (path) => (path === '/api/servers' ? servers : []));
    return [exitCode, asked.at(-1)];
  };
  expect(await listed('0F0E9C52-6')).toEqual([0, `/api/servers/${SERVER}/backups`]);
  expect(await listed('0f0e9c53')).toEqual([0, `/api/servers/${OTHER}/backups`]);
  expect(await listed('0f0e9c52')).toEqual([0, `/api/servers/${OTHER}/backups`]);
  expect(await listed('0f0e9c5')).toEqual([1, '/api/servers']);
  expect(await listed('0f0')).toEqual([1, '/api/servers']);
});
