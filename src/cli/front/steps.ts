/**
 * The steps of a take-over, in order, each with what turns it back:
 *
 *   1 Roost's configuration   the former one, or none
 *   2 the drop-in             the same, and systemd reads its units again
 *   3 Wings' file             its four keys, in the file as it is then; Wings restarts where it was restarted
 *   4 both services           Roost as it was before
 *
 * Every file is written beside the former one and renamed. A step that fails turns back those before, the last first.
 */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from '../../base/files/handles.ts';
import { file as fileStep } from '../setup/step.ts';
import { frontDropIn } from './drop-in.ts';
import { dropInOf, type FrontHost, ROOST_UNIT, roostConfigOf, systemctl, unitProperty, WINGS_UNIT } from './host.ts';
import { formerFacts, type Takeover } from './look.ts';
import { frontConfig } from './roost-config.ts';
import { formerOf, movedToLoopback, readText, type WingsAddress, wingsFacts, withAddress } from './wings-file.ts';

export interface FrontStep {
  readonly number: 1 | 2 | 3 | 4;
  /** Printed before and after the step: a command, or a file and what happens to it. */
  readonly what: string;
  /** False: it is as it should be. */
  readonly isNeeded: boolean;
  run(): Promise<void>;
  back(): Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

export interface Plan {
  /** Files, then services. */
  readonly files: readonly FrontStep[];
  readonly services: readonly FrontStep[];
  /** Once all is turned back. */
  readonly restored: () => Promise<void>;
}

/** @throws Failure `config_invalid` when a configuration could not be used. */
export async function planTakeover(host: FrontHost, takeover: Takeover): Promise<Plan> {
  const restarted = { wings: false };
  const wingsFile = takeover.moves ? [moveWings(host, takeover, restarted)] : [];
  const files = [writeConfig(host, takeover), writeDropIn(host, takeover), ...wingsFile];
  const wings = takeover.moves ? [restartWings(host, takeover, restarted, files)] : [];
  const wasActive = (await unitProperty(host, ROOST_UNIT, 'ActiveState')) === 'active';
  const restored = async (): Promise<void> => {
    if (wasActive) await systemctl(host, 'start', ROOST_UNIT);
  };
  return { files, services: [...wings, await startRoost(host, takeover)], restored };
}

function writeConfig(host: FrontHost, takeover: Takeover): FrontStep {
  const path = roostConfigOf(host);
  const former = textOrNone(path);
  const { text, config, plain } = frontConfig(former, takeover, path, host.env);
  const { power } = config;
  const owner = takeover.owner === undefined ? '' : `, restore.owner ${takeover.owner}`;
  const layout = plain ? ', storage (layout: plain, so that Wings can have the archives back)' : '';
  const keys = `front, panel, servers.root, power, backups.wings_readable${owner}${layout}`;
  const quiet =
    'quiesce' in power && power.quiesce === 'auto' ? '; Minecraft stops saving while a backup reads its world' : '';
  const what = `write ${path}: ${keys} (secrets stay in Wings' file${quiet})`;
  return {
    number: 1,
    what,
    isNeeded: text !== former,
    run: () => write(path, text, 0o600),
    back: () => put(path, former, 0o600),
  };
}

function writeDropIn(host: FrontHost, takeover: Takeover): FrontStep {
  const path = dropInOf(host);
  const former = textOrNone(path);
  const text = frontDropIn(takeover);
  const reload = (): Promise<unknown> => systemctl(host, 'daemon-reload');
  return {
    number: 2,
    what: `write ${path}: starts before wings.service, may write ${takeover.data}`,
    isNeeded: text !== former,
    async run() {
      await write(path, text, 0o644);
      await reload();
    },
    async back() {
      await put(path, former, 0o644);
      await reload();
    },
  };
}

/**
 * The four keys alone are turned back: the token, and all that Wings has written meanwhile, stay. A former file that lies
 * there counts only when an earlier run has put Roost before this Wings; else it is replaced.
 */
function moveWings(
  host: FrontHost,
  { wingsConfig: path, wings, listen, stands }: Takeover,
  restarted: { wings: boolean },
): FrontStep {
  const former = formerOf(path);
  const port = Number(new URL(wings).port);
  const before = readText(path);
  const original = wingsFacts(before, path);
  const lying = textOrNone(former);
  const isKept = stands && lying !== undefined;
  const needed = movedToLoopback(before, path, port) !== before;
  return {
    number: 3,
    what: `move Wings from ${listen.host}:${listen.port} to 127.0.0.1:${port}, no TLS, 127.0.0.1 its trusted proxy (${former}: the old file)`,
    isNeeded: needed,
    async run() {
      if (!isKept) await writeAs(former, before, path);
      await writeAs(path, movedToLoopback(readText(path), path, port), path);
    },
    async back() {
      await writeAs(path, withAddress(readText(path), path, original), path);
      if (!isKept && lying !== undefined) await writeAs(former, lying, path);
      if (lying === undefined) removeFile(former);
      if (restarted.wings) await systemctl(host, 'restart', WINGS_UNIT);
    },
  };
}

function restartWings(
  host: FrontHost,
  { runningAt, wings }: Takeover,
  restarted: { wings: boolean },
  files: readonly FrontStep[],
): FrontStep {
  return {
    number: 4,
    what: 'systemctl restart wings.service (games go on, consoles reconnect)',
    isNeeded: runningAt !== wings || files.some(({ number, isNeeded }) => number === 3 && isNeeded),
    async run() {
      restarted.wings = true;
      await systemctl(host, 'restart', WINGS_UNIT);
    },
    back: nothing,
  };
}

async function startRoost(host: FrontHost, { listen }: Takeover): Promise<FrontStep> {
  const isEnabled = (await unitProperty(host, ROOST_UNIT, 'UnitFileState')) === 'enabled';
  return {
    number: 4,
    what: `start roost.service on ${listen.host}:${listen.port}`,
    isNeeded: true,
    async run() {
      if (!isEnabled) await systemctl(host, 'enable', ROOST_UNIT);
      await systemctl(host, 'restart', ROOST_UNIT);
    },
    async back() {
      await systemctl(host, 'stop', ROOST_UNIT);
      if (!isEnabled) await systemctl(host, 'disable', ROOST_UNIT);
    },
  };
}

/** Where Wings was before Roost: what the undo turns back. */
export function originalAddress(path: string, listen: Takeover['listen']): WingsAddress {
  return formerFacts(path) ?? { ...listen, tls: listen.tls !== null, trustedProxies: [] };
}

function textOrNone(path: string): string | undefined {
  return fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : undefined;
}

async function write(path: string, text: string, mode: number): Promise<void> {
  await fileStep(path, text, mode, '').run();
}

async function put(path: string, text: string | undefined, mode: number): Promise<void> {
  if (text === undefined) removeFile(path);
  else await write(path, text, mode);
}

/** Nothing where it is not there: its directory may be what could not be made. */
export function removeFile(path: string): void {
  if (!fs.existsSync(path)) return;
  fs.rmSync(path);
  syncDirectory(dirname(path));
}

/** With owner and mode of another file, from the moment in which it has its name: that of Wings holds the node's token. */
export async function writeAs(path: string, text: string, like: string): Promise<void> {
  const { uid, gid, mode } = fs.statSync(like);
  await fileStep(path, text, mode & 0o777, '', path, { uid, gid }).run();
}
