/** Check 17: games that never stop writing are kept still while they are read, and go on afterwards whatever happens. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runDaemonOn, type RunningDaemon } from '../support/daemon.ts';
import { type DaemonProcess, startMortal } from '../support/daemon-process.ts';
import { eventually } from '../support/eventually.ts';
import {
  BEDROCK,
  faultOf,
  faultsOf,
  MINECRAFT,
  quietHost,
  type QuietHost,
  shown,
} from '../support/games/quiet-host.ts';
import { backUp, BACKUPS, isIdle } from '../support/wings/front-host.ts';

/** Slow enough that the game writes while it is read. */
const OFF = `power: { driver: wings, quiesce: off }\nbackups: { read_limit: 0.2 }`;
/** So slow that much can happen while what `slowHost` adds is read. */
const SLOW = `power: { driver: wings }\nbackups: { read_limit: 1 }`;
const ADDED = 32 * 1024 * 1024;
const COUNT = Number(process.env['QUIESCE_BACKUPS'] ?? 5);
const LIMIT = 120_000 + COUNT * 5000;

/** A Minecraft whose reading goes on for half a minute after it has begun. */
async function slowHost() {
  const scene = await quietHost(MINECRAFT, SLOW);
  fs.writeFileSync(join(scene.host.server, 'a-map'), Buffer.alloc(ADDED, 'map'));
  return scene;
}

/** A daemon of its own, to be killed. */
async function started({ host }: QuietHost): Promise<DaemonProcess> {
  const daemon = await startMortal(host, null);
  if (daemon === undefined) throw new Error('it ended');
  return daemon;
}

/** The job that has read something. */
async function reading(call: RunningDaemon['call']): Promise<string> {
  return eventually(async () => {
    const { jobs } = (await call('/api/jobs')).body as { readonly jobs: readonly Job[] };
    return jobs.find(({ progress }) => (progress?.bytesDone ?? 0) > 0)?.id;
  });
}

interface Job {
  readonly id: string;
  readonly progress?: { readonly bytesDone?: number };
}

const GAMES: readonly (readonly [string, () => Promise<QuietHost>, () => Promise<QuietHost>])[] = [
  ['Minecraft Java', () => quietHost(MINECRAFT), () => quietHost(MINECRAFT, OFF)],
  ['Minecraft Bedrock', () => quietHost(BEDROCK), () => quietHost(BEDROCK, OFF)],
];

test.for(GAMES)(
  `check 17: ${COUNT} of ${COUNT} backups of a running %s hold a whole world`,
  { timeout: LIMIT },
  async ([_name, open]) => {
    const scene = await open();
    const { call } = await runDaemonOn(scene.host);
    expect((await faultsOf(scene, call, COUNT)).filter((fault) => fault !== undefined)).toEqual([]);
    expect(scene.releases()).toBe(COUNT);
  },
);

test.for(GAMES)(
  'check 17: without quiesce a backup of %s comes that does not',
  { timeout: LIMIT },
  async ([_name, _open, open]) => {
    const scene = await open();
    const { call } = await runDaemonOn(scene.host);
    // Which one is torn is up to chance: the double writes by a clock.
    await eventually(async () => faultOf(scene, await backUp(call)) !== undefined);
    expect(scene.game.commands).toEqual([]);
  },
);

test('check 17: reading begins after "Saved the game", and what was heard stands in the backup', async () => {
  const scene = await quietHost(MINECRAFT);
  const { call } = await runDaemonOn(scene.host);
  const backup = await shown(call, await backUp(call));
  // Nor is a file said to have changed that was written just before.
  expect(backup.warnings).toEqual([]);
  expect(backup.quiesced).toEqual({
    how: 'minecraft_java',
    heard: '[12:00:00] [Server thread/INFO]: Saved the game',
  });
  expect(scene.game.commands).toEqual(['save-off', 'save-all flush', 'save-on']);
  expect(scene.double.isSaving).toBe(true);
});

test('check 17: Bedrock is asked until it lists its files, and goes on', async () => {
  const scene = await quietHost(BEDROCK);
  const { call } = await runDaemonOn(scene.host);
  const backup = await shown(call, await backUp(call));
  expect(backup.quiesced?.how).toBe('minecraft_bedrock');
  const { commands } = scene.game;
  expect([commands[0], commands.at(-1)]).toEqual(['save hold', 'save resume']);
  expect(commands.slice(1, -1).filter((line) => line !== 'save query')).toEqual([]);
  expect(commands.length).toBeGreaterThanOrEqual(4);
  expect(scene.double.isHeld).toBe(false);
});

test('check 17: a game that is off, and one that is none of these, are not typed at', async () => {
  const other = { ...MINECRAFT, startup: { done: ['Server started.'], invocation: './valheim_server' } };
  const scene = await quietHost(other);
  const { call } = await runDaemonOn(scene.host);
  expect((await shown(call, await backUp(call))).quiesced).toBeUndefined();
  const off = await quietHost(MINECRAFT);
  await off.game.power('stop');
  const second = await runDaemonOn(off.host);
  expect((await shown(second.call, await backUp(second.call))).warnings).toEqual([]);
  expect([scene.game.commands, off.game.commands]).toEqual([[], []]);
});

test.each(['start', 'stop'] as const)(
  'check 17: a %s of the game while it is read stands in the backup, which does not say that it was kept still',
  { timeout: LIMIT },
  async (action) => {
    const scene = await slowHost();
    if (action === 'start') await scene.game.power('stop');
    const { call } = await runDaemonOn(scene.host);
    const answered = backUp(call);
    const job = await reading(call);
    await scene.game.power(action);
    await call(`/api/jobs/${job}`, { method: 'PATCH', body: { readLimit: 0 } });
    const { quiesced, warnings } = await shown(call, await answered);
    expect(quiesced).toBeUndefined();
    const done = action === 'start' ? 'started' : 'stopped';
    const message = `The server may have written while it was read: it was ${done} meanwhile`;
    expect(warnings.filter(({ code }) => code === 'not_quiesced')).toEqual([
      { path: '', code: 'not_quiesced', message },
    ]);
  },
);

test('check 17: a cancelled backup lets the game go on, once', async () => {
  const scene = await slowHost();
  const { call } = await runDaemonOn(scene.host);
  const { body } = await call(BACKUPS, { body: {}, headers: { prefer: 'respond-async' } });
  await eventually(() => scene.game.commands.includes('save-all flush'));
  await call(`${BACKUPS}/${(body as { readonly id: string }).id}/cancel`, { method: 'POST' });
  await eventually(() => isIdle(call));
  await eventually(() => scene.releases() === 1);
  expect([scene.releases(), scene.double.isSaving]).toEqual([1, true]);
});

test.each(['save-off', 'save-all flush', 'reading'] as const)(
  'check 17: killed at "%s", the next start lets the game go on, once',
  { timeout: LIMIT },
  async (moment) => {
    const scene = await slowHost();
    const first = await started(scene);
    const reached = Promise.withResolvers<void>();
    scene.double.onTyped = (line) => void (line === moment && reached.resolve());
    void first.call(BACKUPS, { body: {} }).catch(() => undefined);
    await (moment === 'reading' ? reading(first.call) : reached.promise);
    await first.kill();
    await eventually(() => !scene.double.isSaving);
    expect(scene.releases()).toBe(0);
    const second = await started(scene);
    await eventually(() => scene.double.isSaving);
    await eventually(() => isIdle(second.call));
    expect(scene.releases()).toBe(1);
    await second.kill();
  },
);

test(
  'check 17: a Wings that is away after the reading lets the game go on when it is back, over a kill of Roost',
  { timeout: LIMIT },
  async () => {
    const scene = await slowHost();
    const first = await started(scene);
    const answered = backUp(first.call);
    answered.catch(() => undefined);
    const job = await reading(first.call);
    await scene.wings.kill();
    expect((await first.call(`/api/jobs/${job}`, { method: 'PATCH', body: { readLimit: 0 } })).status).toBe(200);
    const id = await answered;
    expect(faultOf(scene, id)).toBeUndefined();
    const { warnings } = await shown(first.call, id);
    expect(warnings.map(({ code }) => code)).toEqual(['not_quiesced']);
    await first.kill();
    const second = await started(scene);
    expect([scene.double.isSaving, scene.releases()]).toEqual([false, 0]);
    await scene.wings.start();
    await eventually(() => scene.double.isSaving);
    expect(scene.releases()).toBe(1);
    await second.kill();
  },
);
