/** What the commands of vaults print and exit with where a part of their work failed. */
import { afterEach, expect, it } from 'vitest';
import { type FakeDaemon, startFakeDaemon } from '../fake-daemon.ts';
import { type Ran, run } from '../run.ts';

const SERVER = '0f0e9c52-6d3d-4c5b-9f0e-2f6a1b7c8d90';
const OTHER = '11111111-6d3d-4c5b-9f0e-2f6a1b7c8d90';
const BACKUP = 'aaaaaaaa-1111-4111-8111-111111111111';
const hint = 'Put the file back.';

let daemon: FakeDaemon | undefined;
afterEach(async () => {
  await daemon?.close();
  daemon = undefined;
});

async function roost(status: number, body: unknown, argv: readonly string[]): Promise<Ran> {
  daemon = await startFakeDaemon(() => ({ status, body }));
  return run(argv, { env: { ROOST_URL: daemon.url, ROOST_TOKEN: 'secret-token' } });
}

const error = { error: 'No recipe (the first of 23 failures)', code: 'archive_damaged', hint, requestId: 'r' };
const failures = [
  { store: 'local', server: OTHER, code: 'archive_damaged', message: 'No recipe', hint },
  { store: 'local', server: OTHER, backup: BACKUP, code: 'archive_damaged', message: 'No recipe, too', hint },
  { store: 'second', code: 'store_unreachable', message: 'It is away' },
];
const collections = [{ store: 'local', server: SERVER, packs: 2, freedBytes: 8192, movedBytes: 0 }];

it('vault collect prints what was given back, and every failure with its code, and fails', async () => {
  const { exitCode, stdout, stderr } = await roost(422, { ...error, collections, failures, failureCount: 23 }, [
    'vault',
    'collect',
  ]);
  expect(exitCode).toBe(1);
  expect(stdout).toBe(`local ${SERVER}: 8.0 KiB given back, 2 packs removed\n`);
  expect(stderr.split('\n')).toEqual([
    `roost: local ${OTHER}: No recipe [archive_damaged]`,
    `hint: ${hint}`,
    `roost: local ${OTHER} ${BACKUP}: No recipe, too [archive_damaged]`,
    'roost: second: It is away [store_unreachable]',
    'roost: and 20 more failed',
    '',
  ]);
});

it('vault collect prints nothing as done where nothing was', async () => {
  const answer = { ...error, collections: [], failures, failureCount: 3 };
  const { exitCode, stdout, stderr } = await roost(422, answer, ['vault', 'collect']);
  expect([exitCode, stdout]).toEqual([1, '']);
  expect(stderr).not.toContain('more failed');
});

it('vault collect prints the error with what was done with --json', async () => {
  const { requestId, ...shown } = error;
  const told = { collections, failures, failureCount: 23 };
  const ran = await roost(422, { ...shown, requestId, ...told }, ['vault', 'collect', '--json']);
  expect(ran.exitCode).toBe(1);
  expect(ran.json()).toEqual({ ...shown, ...told });
});

it('vault adopt prints what was taken in, of each server how much in total, and every failure', async () => {
  const adoptions = [{ store: 'local', server: SERVER, backup: BACKUP, size: 2048 }];
  const servers = [
    { store: 'local', server: SERVER, backups: 1, bytes: 2048, failures: 0 },
    { store: 'local', server: OTHER, backups: 0, bytes: 0, failures: 2 },
  ];
  const answer = { ...error, adoptions, servers, failures, failureCount: 3 };
  const { exitCode, stdout, stderr } = await roost(422, answer, ['vault', 'adopt']);
  expect(exitCode).toBe(1);
  expect(stdout.split('\n')).toEqual([
    `local ${BACKUP}: 2.0 KiB`,
    `local ${SERVER}: 1 backup taken in, 2.0 KiB`,
    `local ${OTHER}: 0 backups taken in, 0 B, 2 failed`,
    '',
  ]);
  expect(stderr).toContain(`roost: local ${OTHER} ${BACKUP}: No recipe, too [archive_damaged]\n`);
});

it.each([
  [
    'status',
    { vaults: [{ store: 'local', server: SERVER, backups: 3, archiveBytes: 2048 }] },
    /local +0f0e9c52 +3 +2\.0 KiB/,
  ],
  [
    'verify',
    {
      verifications: [
        {
          store: 'local',
          server: SERVER,
          readBytes: 2048,
          whole: 3,
          damaged: [],
          healed: [],
          unproven: [],
          faults: [],
        },
      ],
    },
    /local 0f0e9c52-.*: 3 backups whole, 2\.0 KiB read/,
  ],
])('vault %s prints what is known beside a vault that is away, and fails', async (command, done, text) => {
  const away = {
    ...error,
    error: 'It is away',
    code: 'store_unreachable',
    failures: failures.slice(2),
    failureCount: 1,
  };
  const { exitCode, stdout, stderr } = await roost(503, { ...away, ...done }, ['vault', command]);
  expect([exitCode, stderr]).toEqual([1, 'roost: second: It is away [store_unreachable]\n']);
  expect(stdout).toMatch(text);
});

it('an error that says nothing of what was done is printed as any other, also one of an older daemon', async () => {
  const { exitCode, stdout, stderr } = await roost(422, error, ['vault', 'adopt']);
  expect([exitCode, stdout]).toEqual([1, '']);
  expect(stderr).toBe(`roost: ${error.error}\nhint: ${hint}\n`);
});

it.each([
  [1, '1 range in 1 pack', '1 range'],
  [3, '3 ranges in 1 pack', '3 ranges'],
])('vault recipe counts %i in words', async (ranges, all, each) => {
  const places = { storedBytes: 10, exclusiveBytes: 5, ranges, packs: [{ id: 'p', bytes: 10, ranges }] };
  const { stdout } = await roost(200, places, ['vault', 'recipe', SERVER, BACKUP]);
  expect(stdout).toContain(`\n${all}\n  p.pack  10 B in ${each}\n`);
});
