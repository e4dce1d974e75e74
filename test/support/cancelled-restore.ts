/** A daemon with a server that runs and a backup of it, to cancel restores over HTTP at any of their steps. */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { silentLog } from '../../src/base/log/log.ts';
import { composeDaemon } from '../../src/compose/daemon.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { RestoreStep } from '../../src/jobs/restore/deps.ts';
import { caller, GAME_SERVER, type RunningDaemon } from './daemon.ts';
import { poweredHost, type PoweredHost } from './power-program.ts';
import { manifestAt } from './tree.ts';

const SERVER = `/api/servers/${GAME_SERVER}`;

export interface CancelScene {
  readonly host: PoweredHost;
  readonly call: RunningDaemon['call'];
  readonly backup: string;
  /** What the backup holds, as a manifest. */
  readonly archived: readonly string[];
  readonly hooks: { onStep: (step: RestoreStep) => void };
}

/** @param fill makes what the backup holds, besides a few files. */
export async function cancelScene(fill: (server: string) => void = () => undefined): Promise<CancelScene> {
  const host = await poweredHost();
  fill(host.server);
  const hooks: CancelScene['hooks'] = { onStep: () => undefined };
  const daemon = await composeDaemon(parseConfig('config.yml', host.config, {}), {
    log: silentLog(),
    onRestoreStep: (step) => hooks.onStep(step),
  });
  onTestFinished(() => daemon.stop());
  const call = caller((await daemon.start()).url);
  const archived = manifestAt(host.server);
  const { status, body } = await call(`${SERVER}/backups`, { body: { name: 'to restore' } });
  expect(status).toBe(201);
  return { host, call, backup: (body as { readonly id: string }).id, archived, hooks };
}

export interface Cancelled {
  readonly state: string;
  /** The status that the cancel was answered with. */
  readonly answer: number;
  /** Milliseconds from the cancel until whoever waited for the restore was answered. */
  readonly took: number;
  /** Milliseconds from the request of the restore until it was answered. */
  readonly lasted: number;
}

/**
 * Restores, cancels, and finds the old tree or the new one, as the job says, and nothing else of either.
 *
 * @param when resolves at the moment to cancel.
 */
export async function cancelWhen(scene: CancelScene, when: () => Promise<unknown>): Promise<Cancelled> {
  const { host, call, backup, archived } = scene;
  const before = changeServer(host);
  const askedAt = performance.now();
  const moment = when();
  const restored = call(`${SERVER}/backups/restore?id=${backup}`, { body: { truncate: true } });
  await moment;
  const cancelledAt = performance.now();
  const { status: answer } = await call(`${SERVER}/backups/${backup}/cancel`, { method: 'POST' });
  const { status, body } = await restored;
  const answeredAt = performance.now();
  const [took, lasted] = [answeredAt - cancelledAt, answeredAt - askedAt];
  const state = (await newestState(scene)) ?? 'no job';
  const told = { state, answer, restore: [status, body] };
  expect(['done', 'cancelled'], JSON.stringify(told)).toContain(state);
  expect(status, JSON.stringify(told)).toBe(state === 'done' ? 200 : 409);
  if (state === 'cancelled') expect(body, JSON.stringify(told)).toMatchObject({ code: 'cancelled' });
  expect(manifestAt(host.server), state).toEqual(state === 'done' ? archived : before);
  expect(fs.readdirSync(join(host.directory, 'servers'))).toEqual([GAME_SERVER]);
  expect(fs.existsSync(host.running), 'the server runs').toBe(true);
  expect((await call(SERVER)).body).toMatchObject({ status: 'READY' });
  return { state, answer, took, lasted };
}

/** What was played since the backup. */
function changeServer({ server }: PoweredHost): readonly string[] {
  fs.writeFileSync(join(server, 'eula.txt'), 'eula=false\n');
  fs.rmSync(join(server, 'world/level.dat'), { force: true });
  fs.writeFileSync(join(server, 'since'), 'made since');
  return manifestAt(server);
}

async function newestState({ call }: CancelScene): Promise<string | undefined> {
  const { jobs } = (await call('/api/jobs')).body as { readonly jobs: readonly Record<'kind' | 'state', string>[] };
  return jobs.find(({ kind }) => kind === 'restore')?.state;
}

/** Resolves when a restore comes to a step. */
export async function atStep({ hooks }: CancelScene, step: RestoreStep): Promise<void> {
  const reached = Promise.withResolvers<void>();
  hooks.onStep = (now) => {
    if (now === step) reached.resolve();
  };
  await reached.promise;
}

/** Resolves when a restore says that it is in a phase. */
export async function inPhase({ call }: CancelScene, phase: string): Promise<void> {
  for (;;) {
    const { jobs } = (await call('/api/jobs')).body as { readonly jobs: readonly Record<'state' | 'phase', string>[] };
    if (jobs.some((job) => job.state === 'running' && job.phase === phase)) return;
    await delay(20);
  }
}
