/**
 * The whole daemon, killed with SIGKILL at every step and every rename of restores that were asked for over HTTP, and at
 * random moments. The daemon that is started after it has to show the old tree or the new one, and nothing left over.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { GAME_SERVER, type Host } from '../support/daemon.ts';
import { type DaemonProcess, startDaemon, startMortal } from '../support/daemon-process.ts';
import { poweredHost, type PoweredHost } from '../support/power-program.ts';
import { ARCHIVED, BEFORE, inParallel } from '../support/restore-crash.ts';
import { overlaid } from '../support/restore-oracle.ts';
import { clearDirectory, makeTree, manifestAt, manifestOf, type Tree } from '../support/tree.ts';

const SERVER = `/api/servers/${GAME_SERVER}`;
/** RESTORE_KILLS and RESTORE_STEPS make shorter and longer runs; without the latter, each step is met. */
const MOST_STEPS = Number(process.env['RESTORE_STEPS'] ?? Infinity);
const RANDOM_KILLS = Number(process.env['RESTORE_KILLS'] ?? 50);

interface Job {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly endedAt?: string;
}

interface Case {
  readonly body: Readonly<Record<string, unknown>>;
  readonly before: Tree;
  readonly after: Tree;
  /** Undoes a restore that was asked for like this. */
  readonly undo: boolean;
}

const CASES: Readonly<Record<string, Case>> = {
  truncate: { body: { truncate: true }, before: BEFORE, after: ARCHIVED, undo: false },
  merge: { body: {}, before: BEFORE, after: overlaid(BEFORE, ARCHIVED), undo: false },
  'keeping the previous tree': {
    body: { truncate: true, keepPrevious: 1 },
    before: BEFORE,
    after: ARCHIVED,
    undo: false,
  },
  undo: { body: { truncate: true, keepPrevious: 1 }, before: ARCHIVED, after: BEFORE, undo: true },
};

/** A server that runs, and a backup of it. */
class Scene {
  readonly host: PoweredHost;
  readonly #backup: string;
  /** What became of all jobs so far. */
  #jobs = new Map<string, Job>();
  /** How many previous trees earlier rounds have left. */
  #kept = 0;

  private constructor(host: PoweredHost, backup: string) {
    this.host = host;
    this.#backup = backup;
  }

  static async make(): Promise<Scene> {
    const host = await poweredHost();
    setTree(host, ARCHIVED);
    const daemon = await startDaemon(host);
    const { status, body } = await daemon.call(`${SERVER}/backups`, { body: { name: 'first' } });
    expect(status).toBe(201);
    await daemon.kill();
    return new Scene(host, (body as { readonly id: string }).id);
  }

  /** Puts the old tree back. Previous trees of earlier rounds wait on for their time to be over. */
  reset(): void {
    this.#kept = this.#previous();
    setTree(this.host, BEFORE);
    fs.writeFileSync(this.host.running, '');
  }

  /** Asks for what is to be killed; resolves when the daemon is dead or has done it. */
  async work({ call, gone }: DaemonProcess, { body, undo }: Case): Promise<void> {
    const asked = async (): Promise<void> => {
      await call(`${SERVER}/backups/restore?id=${this.#backup}`, { body });
      if (undo) await call(`${SERVER}/backups/${this.#backup}/undo`, { method: 'POST' });
    };
    await Promise.race([gone, asked().catch(async () => gone)]);
  }

  /** @returns how the job that was killed ended. */
  async expectWhole(daemon: DaemonProcess, crash: Case, what: string): Promise<string> {
    const { body: server } = await daemon.call(SERVER);
    expect(server, what).toMatchObject({ status: 'READY' });
    const killed = await this.#endedJobs(daemon, crash, what);
    const manifest = manifestAt(this.host.server);
    const expected = killed.state === 'done' ? crash.after : crash.before;
    expect(manifest, `${what}: ${killed.state}`).toEqual(manifestOf(expected));
    expect(fs.readdirSync(join(this.host.directory, 'servers')), what).toEqual([GAME_SERVER]);
    expect(this.#previous(), `${what}: previous trees`).toBe(this.#kept + keptBy(crash, killed.state));
    expect(fs.existsSync(this.host.running), `${what}: the server runs`).toBe(true);
    await this.expectUsable(daemon, crash, killed.state, what);
    return killed.state;
  }

  /** Every job that ever was has its one row with its one end; the killed one is the newest restore. */
  async #endedJobs({ call }: DaemonProcess, { undo }: Case, what: string): Promise<Job> {
    const { jobs } = (await call('/api/jobs')).body as { readonly jobs: readonly Job[] };
    for (const job of jobs) {
      expect(['done', 'failed'], what).toContain(job.state);
      expect(job, `${what}: what has ended changes no more`).toEqual(this.#jobs.get(job.id) ?? job);
    }
    const restores = jobs.filter(({ id, kind }) => kind === 'restore' && !this.#jobs.has(id));
    expect(restores.length, what).toBeLessThanOrEqual(undo ? 2 : 1);
    this.#jobs = new Map(jobs.map((job) => [job.id, job]));
    const [newest] = restores;
    // Killed before it was accepted, or before the undo was.
    if (newest === undefined || (undo && restores.length < 2)) return { id: '', kind: 'restore', state: 'not begun' };
    return newest;
  }

  #previous(): number {
    const previous = join(this.host.directory, 'state/previous');
    return fs.existsSync(previous) ? fs.readdirSync(previous).length : 0;
  }

  /** Nothing is locked: what was interrupted can be asked for again, and a backup can be made. */
  async expectUsable({ call }: DaemonProcess, crash: Case, state: string, what: string): Promise<void> {
    if (crash.undo && state !== 'done') {
      const { status } = await call(`${SERVER}/backups/${this.#backup}/undo`, { method: 'POST' });
      expect(status, `${what}: undo after all`).toBe(200);
      expect(manifestAt(this.host.server), what).toEqual(manifestOf(crash.after));
    }
    const { status, body } = await call(`${SERVER}/backups`, { body: { name: what } });
    expect(status, `${what}: ${JSON.stringify(body)}`).toBe(201);
    const { jobs } = (await call('/api/jobs')).body as { readonly jobs: readonly Job[] };
    this.#jobs = new Map(jobs.map((job) => [job.id, job]));
  }
}

/** How many previous trees are kept when a job of this kind has ended so. */
function keptBy({ body, undo }: Case, state: string): number {
  if (undo) return state === 'done' ? 0 : 1;
  return state === 'done' && 'keepPrevious' in body ? 1 : 0;
}

function setTree({ server }: Host, tree: Tree): void {
  clearDirectory(server);
  makeTree(server, tree);
}

/** The steps of a case that nobody kills; those of an undo come after the ones of its restore. */
async function stepsOf(crash: Case): Promise<{ readonly steps: readonly string[]; readonly first: number }> {
  const scene = await Scene.make();
  scene.reset();
  const daemon = await startMortal(scene.host, null);
  if (daemon === undefined) throw new Error('nothing was left to recover');
  await scene.work(daemon, crash);
  await daemon.kill();
  const { steps } = daemon;
  expect(steps.filter((step) => step === 'cleaned')).toHaveLength(crash.undo ? 2 : 1);
  return { steps, first: crash.undo ? steps.indexOf('cleaned') + 1 : 0 };
}

/** Runs the rounds two at a time, each lane on a host of its own. */
async function inLanes(rounds: readonly ((scene: Scene) => Promise<void>)[]): Promise<void> {
  const scenes = [await Scene.make(), await Scene.make()];
  const waiting = rounds.values();
  const lane = (scene: Scene) => async (): Promise<void> => {
    for (const round of waiting) await round(scene);
  };
  await inParallel(scenes.map(lane), scenes.length);
}

async function killAt(scene: Scene, crash: Case, dieAt: number, recoveryDiesAt?: number): Promise<DaemonProcess> {
  scene.reset();
  const daemon = await startMortal(scene.host, dieAt);
  if (daemon === undefined) throw new Error('nothing was left to recover');
  await scene.work(daemon, crash);
  await daemon.gone;
  if (recoveryDiesAt !== undefined) expect(await startMortal(scene.host, recoveryDiesAt)).toBeUndefined();
  return startDaemon(scene.host);
}

/** The first and the last, those on both sides of the one that decides, and others between them at even distances. */
function chosenSteps(first: number, decides: number, end: number): readonly number[] {
  const all = Array.from({ length: end - first }, (_, at) => first + at);
  const every = Math.ceil(all.length / MOST_STEPS);
  return all.filter((step, at) => at % Math.max(1, every) === 0 || step === end - 1 || Math.abs(step - decides) <= 1);
}

describe.each(Object.entries(CASES).filter(([, { body, undo }]) => undo || !('keepPrevious' in body)))(
  'the daemon, killed in a restore (%s)',
  (_, crash) => {
    it('has the old tree or the new one after its next start, at every step and every rename', async () => {
      const { steps, first } = await stepsOf(crash);
      expect(steps.slice(first).filter((step) => step === 'renamed').length).toBeGreaterThan(3);
      const stored = steps.indexOf('stored', first);
      await inLanes(
        chosenSteps(first, stored, steps.length).map((dieAt) => async (scene) => {
          const step = steps[dieAt] ?? '';
          const daemon = await killAt(scene, crash, dieAt);
          const state = await scene.expectWhole(daemon, crash, `killed at ${step} (${dieAt})`);
          expect(state, `killed at ${step}`).toBe(dieAt >= stored ? 'done' : 'failed');
          await daemon.kill();
        }),
      );
    });
  },
);

describe('the daemon, killed in a restore and again while it recovers', () => {
  it('has the new tree in the end', async () => {
    const crash = CASES['truncate'];
    if (crash === undefined) throw new Error('there is such a case');
    const { steps } = await stepsOf(crash);
    const renames = steps.flatMap((step, index) => (step === 'renamed' ? [index] : []));
    const middle = renames[Math.floor(renames.length / 2)] ?? 0;
    await inLanes(
      [0, 1, 2, 4].map((recoveryDiesAt) => async (scene) => {
        const daemon = await killAt(scene, crash, middle, recoveryDiesAt);
        expect(await scene.expectWhole(daemon, crash, `recovery killed at ${recoveryDiesAt}`)).toBe('done');
        await daemon.kill();
      }),
    );
  });
});

describe('the real daemon, killed at random moments of a restore', () => {
  it('has the old tree or the new one after its next start', async () => {
    const cases = Object.values(CASES).filter(({ undo }) => !undo);
    const seen = new Set<string>();
    let takes = 200;
    const daemons = new Map<Scene, DaemonProcess>();
    const hasSeenBoth = (): boolean => ['done', 'failed'].every((state) => seen.has(state));
    // As many more as it takes to find how long restores take on this machine.
    await inLanes(
      Array.from({ length: 4 * RANDOM_KILLS }, (_, index) => async (scene) => {
        if (index >= RANDOM_KILLS && hasSeenBoth()) return;
        const crash = cases[index % cases.length];
        if (crash === undefined) return;
        const victim = daemons.get(scene) ?? (await startDaemon(scene.host));
        scene.reset();
        const work = scene.work(victim, crash);
        await delay(takes * (0.5 + Math.random()));
        await victim.kill();
        await work;
        const next = await startDaemon(scene.host);
        daemons.set(scene, next);
        const state = await scene.expectWhole(next, crash, `killed at random (${index})`);
        seen.add(state);
        // Follows how long restores take on this machine, so that the kills stay around their middle.
        takes *= state === 'done' ? 0.8 : 1.25;
      }),
    );
    for (const daemon of daemons.values()) await daemon.kill();
    // Otherwise the kills came always too early, or always too late, to have shown anything.
    expect(hasSeenBoth(), [...seen].join()).toBe(true);
  });
});
