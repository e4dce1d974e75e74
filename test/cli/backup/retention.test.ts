import { expect, it, onTestFinished } from 'vitest';
import { startFakeDaemon } from '../fake-daemon.ts';
import { run } from '../run.ts';

const SERVER = '0f0e9c52-6d3d-4c5b-9f0e-2f6a1b7c8d90';

function backup(name: string): object {
  const createdAt = '2024-05-01T10:00:00.000Z';
  return {
    id: `${name}-aaaa-4111-8111-111111111111`,
    name,
    size: 2048,
    status: 'COMPLETED',
    isLocked: false,
    createdAt,
  };
}

const PLAN = {
  backups: [
    { backup: backup('new'), keep: true, reasons: ['newest_good', 'last', 'of_later'] },
    { backup: backup('old'), keep: false, reasons: [] },
  ],
};

async function plan(options: readonly string[]) {
  const daemon = await startFakeDaemon(() => ({ status: 200, body: PLAN }));
  onTestFinished(() => daemon.close());
  const ran = await run(['retention', 'plan', SERVER, ...options], {
    env: { ROOST_URL: daemon.url, ROOST_TOKEN: 'secret-token' },
  });
  return { ran, asked: daemon.asked.at(-1) };
}

it('shows which backups would go, and in words why the others stay', async () => {
  const { ran, asked } = await plan([]);
  expect(asked).toMatchObject({ method: 'GET', url: `/api/servers/${SERVER}/retention` });
  expect(ran.exitCode).toBe(0);
  expect(ran.stdout).toMatch(/^new-aaaa  2024-05-01 \d\d:\d\d  .*stays +newest good, keep_last, of_later +new$/m);
  expect(ran.stdout).toMatch(/^old-aaaa  .*goes +no rule keeps it +old$/m);
});

it('prints what the daemon said with --json', async () => {
  const { ran } = await plan(['--json']);
  expect(ran.json()).toEqual(PLAN);
});

async function apply(body: object, options: readonly string[] = []) {
  const daemon = await startFakeDaemon(() => ({
    status: 200,
    body: { backups: [], removed: [], failed: [], ...body },
  }));
  onTestFinished(() => daemon.close());
  const env = { ROOST_URL: daemon.url, ROOST_TOKEN: 'secret-token' };
  return { ran: await run(['retention', 'apply', SERVER, ...options], { env }), asked: daemon.asked.at(-1) };
}

it('applies the rules and names what was removed, and what could not be', async () => {
  const { ran, asked } = await apply({ removed: ['one'], failed: ['two'] });
  expect(asked).toMatchObject({ method: 'POST', url: `/api/servers/${SERVER}/retention/apply` });
  expect(ran.stdout).toBe('one removed\ntwo could not be removed\n');
  expect(ran.exitCode).toBe(3);
  expect((await apply({})).ran).toMatchObject({ stdout: 'Nothing to remove.\n', exitCode: 0 });
});

it('says that a clock in doubt holds it back, and passes on that the clock is right', async () => {
  const clockInDoubt = { clock: '2028-01-01T00:00:00.000Z', expected: '2026-11-29T00:00:00.000Z' };
  const { ran } = await apply({ clockInDoubt });
  expect(ran.exitCode).toBe(3);
  expect(ran.stdout).toContain('the clock has jumped (it says 2028-01-01T00:00:00.000Z');
  const { asked } = await apply({}, ['--clock-is-right']);
  expect(asked?.body).toEqual({ clockIsRight: true });
});
