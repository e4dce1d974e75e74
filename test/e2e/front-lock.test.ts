/** The restore lock of whole daemons, before a Wings that starts games by itself. */
import { expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../src/base/log/log.ts';
import { composeDaemon } from '../../src/compose/daemon.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { RestoreStep } from '../../src/jobs/restore/deps.ts';
import { caller, GAME_SERVER, type RunningDaemon } from '../support/daemon.ts';
import { startMortal } from '../support/daemon-process.ts';
import { eventually } from '../support/eventually.ts';
import { BACKUPS, type FrontHost, isIdle, restore, twoGenerations } from '../support/wings/front-host.ts';

async function powerStatus({ url, authorized }: FrontHost): Promise<number> {
  const request = { method: 'POST', headers: authorized, body: JSON.stringify({ action: 'start' }) };
  return (await fetch(`${url}/api/servers/${GAME_SERVER}/power`, request)).status;
}

async function started(
  { host }: FrontHost,
  onRestoreStep: (step: RestoreStep) => void = () => undefined,
): Promise<RunningDaemon> {
  const daemon = await composeDaemon(parseConfig('config.yml', host.config, {}), { log: silentLog(), onRestoreStep });
  onTestFinished(() => daemon.stop());
  const { url } = await daemon.start();
  return { daemon, url, call: caller(url) };
}

test('check 11: a restore locks its server from its acceptance, over a kill, to its end', async () => {
  const scene = await twoGenerations();
  const { game, world, backup, host } = scene;
  const ends = Promise.withResolvers<void>();
  game.endsAfter = ends.promise;
  // After the first rename.
  const first = await startMortal(host, 7);
  if (first === undefined) throw new Error('it ended too early');
  expect(await powerStatus(scene)).toBe(202);
  await restore(first.call, backup);
  expect(await powerStatus(scene)).toBe(409);
  await eventually(() => game.state === 'stopping');
  expect(await powerStatus(scene)).toBe(409);
  ends.resolve();
  await first.gone;
  expect(first.steps.at(-1)).toBe('stored');
  await expect(powerStatus(scene)).rejects.toThrow();
  const second = await startMortal(host, null);
  if (second === undefined) throw new Error('it ended');
  await eventually(() => game.state === 'running');
  expect([world.generations(), world.loaded]).toEqual([['one'], 'one']);
  expect(await isIdle(second.call)).toBe(true);
  expect(await powerStatus(scene)).toBe(202);
});

/** When something else starts the game: a start that Wings had queued, its saved states, a schedule of its own. */
const MOMENTS: readonly RestoreStep[] = ['unpacked', 'stopped', 'planned', 'stored', 'renamed', 'swapped', 'committed'];

test.each(MOMENTS)('check 12: a game started at "%s" runs on the new tree only', async (moment) => {
  const scene = await twoGenerations();
  const { game, world, backup } = scene;
  let isStarted = false;
  const { call } = await started(scene, (step) => {
    if (step === moment && !isStarted) void game.power('start');
    isStarted ||= step === moment;
  });
  await restore(call, backup);
  await eventually(() => isIdle(call));
  await eventually(() => world.loaded === 'one');
  expect([world.generations(), game.state]).toEqual([['one'], 'running']);
});

test('check 12: a start that Wings has queued behind the stop is stopped once more', async () => {
  const scene = await twoGenerations();
  const { game, world, backup } = scene;
  const ends = Promise.withResolvers<void>();
  game.endsAfter = ends.promise;
  const { call } = await started(scene);
  await restore(call, backup);
  await eventually(() => game.state === 'stopping');
  void game.power('start', 30);
  ends.resolve();
  await eventually(() => isIdle(call));
  await eventually(() => world.loaded === 'one');
  expect([world.generations(), game.state]).toEqual([['one'], 'running']);
  expect(game.history).toEqual(['start', 'stop', 'start', 'stop', 'start']);
});

test('check 13: the start after a restore comes although the stop still holds the lock of Wings', async () => {
  const scene = await twoGenerations();
  const { game, world, backup } = scene;
  const released = Promise.withResolvers<void>();
  game.stopHolds = released.promise;
  const { call } = await started(scene);
  await restore(call, backup);
  await eventually(() => isIdle(call));
  expect([game.state, world.generations()]).toEqual(['offline', ['one']]);
  released.resolve();
  await eventually(() => game.state === 'running');
  expect(game.history).toEqual(['start', 'stop', 'start']);
});

test('a restore waits for a Wings that is away, with nothing touched', async () => {
  const scene = await twoGenerations();
  const { game, world, wings, backup } = scene;
  const { call } = await started(scene);
  await wings.kill();
  await restore(call, backup);
  await eventually(async () => {
    const { body } = await call('/api/jobs');
    return (body as { jobs: { phase: string }[] }).jobs[0]?.phase === 'stopping';
  });
  expect([world.generations(), game.state]).toEqual([['two'], 'running']);
  await wings.start();
  await eventually(() => isIdle(call));
  await eventually(() => world.loaded === 'one');
  expect([world.generations(), game.state]).toEqual([['one'], 'running']);
});

test('a Wings that is away after the swap is owed the restart of what runs there', async () => {
  const scene = await twoGenerations();
  const { game, world, wings, backup } = scene;
  const { call } = await started(scene, (step) => {
    if (step !== 'stored') return;
    void game.power('start');
    void wings.kill();
  });
  await restore(call, backup);
  await eventually(() => isIdle(call));
  expect([world.generations(), world.loaded]).toEqual([['one'], 'two']);
  await wings.start();
  await eventually(() => world.loaded === 'one');
  expect([world.generations(), game.state]).toEqual([['one'], 'running']);
  expect(game.history.slice(-2)).toEqual(['kill', 'start']);
});

test('restores and undos that were accepted lock, previews do not', async () => {
  const scene = await twoGenerations();
  const { daemon, call } = await started(scene);
  const { status, body } = await call(`${BACKUPS}/restore?id=${scene.backup}`, { body: { dryRun: true } });
  expect([status, body]).toEqual([200, expect.anything()]);
  expect(await powerStatus(scene)).toBe(202);
  await daemon.stop();
});
