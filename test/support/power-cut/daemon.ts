/** The daemon before the cut, which stops where it is told to, and the one that is started on what the cut left. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TOKEN } from '../daemon.ts';
import { type DaemonProcess, startDaemon } from '../daemon-process.ts';
import { scratchDirectory } from '../scratch.ts';
import type { Disks, Layout, MountedCut } from './disks.ts';
import type { Call, Game } from './game.ts';

const SYNC_POINTS = new URL('sync-points.ts', import.meta.url).href;

/** Mounts what the cut left in place of the disks themselves, for one process: plans hold absolute paths. */
const IN_PLACE = 'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 1; shift 2; done; shift; exec "$@"';

export interface StoppableDaemon extends DaemonProcess {
  /**
   * Does something while the daemon is made to stop before calls that make something durable.
   *
   * @param arm how many of them pass before it stops once, or `each`.
   * @param onStop called each time that it stands; it goes on when this has ended.
   */
  watch<Result>(arm: number | 'each', work: () => Promise<Result>, onStop: () => Promise<unknown>): Promise<Result>;
  /** Does something while it stands, wherever it is. */
  paused<Result>(work: () => Promise<Result>): Promise<Result>;
  /** The call sites of what was made durable since the last `takeCalls`, in their order. */
  calls(): Promise<readonly string[]>;
  takeCalls(): Promise<readonly string[]>;
}

export function configOn(disks: Disks, layout = disks.layout): string {
  // Merges wherever a block is dead.
  const store = `type: local, layout: ${layout}, vault: { merge_at: 0 }, directory: ${disks.store}`;
  return `
api: { host: 127.0.0.1, port: 0 }
state_directory: ${disks.state}
servers: { root: ${disks.servers} }
tokens: [ { id: test, secret: ${TOKEN}, permissions: ["*"], servers: ["*"] } ]
storage: { default: local, stores: { local: { ${store} } } }
limits: { per_server: 0, max_size: 0, reserve_free: 0 }
log: { level: silent, format: json }
`;
}

/**
 * @param without the call site that is to do nothing.
 * @param layout of new archives.
 */
export async function startStoppable(disks: Disks, without?: string, layout?: Layout): Promise<StoppableDaemon> {
  const directory = await scratchDirectory();
  const arm = (text: string): Promise<void> => writeFile(join(directory, 'arm'), text);
  const calls = join(directory, 'calls');
  const read = async (): Promise<readonly string[]> => (await readFile(calls, 'latin1')).split('\n').slice(0, -1);
  await arm('');
  await writeFile(calls, '');
  const env = {
    NODE_OPTIONS: `--import ${SYNC_POINTS}`,
    POWER_CUT_DIRECTORY: directory,
    ...(without === undefined ? {} : { POWER_CUT_WITHOUT: without }),
    ...(disks.givesHolesBack ? {} : { POWER_CUT_HOLES: 'none' }),
  };
  const daemon = await startDaemon({ directory, config: configOn(disks, layout) }, { env });
  const goOn = (): void => void process.kill(daemon.pid, 'SIGCONT');
  return {
    ...daemon,
    watch: async (where, work, onStop) => {
      await arm(String(where));
      const run = { going: true };
      const done = work().finally(() => (run.going = false));
      done.catch(() => undefined);
      while (run.going) {
        if (await stands(daemon.pid)) {
          try {
            await onStop();
          } finally {
            goOn();
          }
        }
        await delay(2);
      }
      await arm('');
      return done;
    },
    paused: async (work) => {
      process.kill(daemon.pid, 'SIGSTOP');
      try {
        while (!(await stands(daemon.pid))) await delay(2);
        return await work();
      } finally {
        goOn();
      }
    },
    calls: read,
    takeCalls: async () => {
      const taken = await read();
      await writeFile(calls, '');
      return taken;
    },
  };
}

/** Makes backups of all servers while the store keeps plain archives, as a store did that is switched to a vault then. */
export async function playPlain(disks: Disks, game: Game): Promise<void> {
  const daemon = await startStoppable(disks, undefined, 'plain');
  game.layout = 'plain';
  for (const server of game.servers) await act(daemon, await game.call('create', server));
  await daemon.kill();
  game.layout = disks.layout;
}

/**
 * Makes a call to its end, which has to be a good one, and notes what it was told.
 *
 * @param arm as of `watch`; without it, the daemon stops nowhere.
 */
export async function act(
  daemon: StoppableDaemon,
  call: Call,
  arm?: number | 'each',
  onStop: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const send = (): ReturnType<Call['send']> => call.send(daemon);
  const { status, body } = await (arm === undefined ? send() : daemon.watch(arm, send, onStop));
  if (status !== 200 && status !== 201) throw new Error(`${call.kind} answers ${status}: ${JSON.stringify(body)}`);
  call.done(body);
}

/** True when every thread of a process stands still: one that waits for the disk ends that first. */
async function stands(pid: number): Promise<boolean> {
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'latin1').catch(() => undefined);
    if (stat !== undefined && !/^\d+ \(.*\) T/s.test(stat)) return false;
  }
  return true;
}

/** Starts a daemon on what a cut left; it finds everything under the paths of before. */
export async function startOn(disks: Disks, cut: MountedCut): Promise<DaemonProcess> {
  const directory = await scratchDirectory();
  const places = cut.mounts.flatMap(({ at, was }) => [at, was]);
  const through = ['unshare', '--mount', 'sh', '-c', IN_PLACE, 'in-place', ...places, '--'];
  return startDaemon({ directory, config: configOn(disks) }, { through });
}
