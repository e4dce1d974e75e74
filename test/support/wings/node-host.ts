/**
 * A host of its own below a scratch directory: a Wings at the address of its file, units behind a `systemctl` on PATH
 * that does what the units would do, and a Roost that is set up and not yet before Wings.
 */
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { silentLog } from '../../../src/base/log/log.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { Daemon } from '../../../src/cli/daemon.ts';
import { EXIT, type Invocation } from '../../../src/cli/command.ts';
import { runFront } from '../../../src/cli/front/front.ts';
import { composeDaemon } from '../../../src/compose/daemon.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { recordingTerminal } from '../../cli/recording-terminal.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../certificate.ts';
import { GAME_SERVER, TOKEN } from '../daemon.ts';
import { freePort } from '../free-port.ts';
import type { PanelFlavour } from '../panel/flavours.ts';
import { scratchDirectory } from '../scratch.ts';
import { Wings } from './wings.ts';

export interface NodeHostOptions {
  readonly flavour?: PanelFlavour;
  /** Of Wings' file. */
  readonly api?: Readonly<Record<string, unknown>>;
  readonly tls?: boolean;
  /** Where Wings listens; a free one without it. */
  readonly port?: number;
  /** The panel; nothing listens there when absent. */
  readonly remote?: string;
  /** Properties of units in place of the usual ones. */
  readonly units?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export type NodeHost = Awaited<ReturnType<typeof nodeHost>>;

export async function nodeHost(options: NodeHostOptions = {}) {
  const { flavour = 'pterodactyl', tls = false, remote = 'http://127.0.0.1:9' } = options;
  const root = await scratchDirectory();
  const at = (path: string): string => join(root, path);
  const name = flavour === 'pelican' ? 'pelican' : 'pterodactyl';
  for (const path of [
    `etc/${name}`,
    'etc/roost',
    'etc/systemd/system',
    'bin',
    `srv/volumes/${GAME_SERVER}`,
    'srv/backups',
  ]) {
    fs.mkdirSync(at(path), { recursive: true });
  }
  fs.writeFileSync(at(`srv/volumes/${GAME_SERVER}/eula.txt`), 'eula=true\n');
  fs.writeFileSync(at('etc/node.crt'), TEST_CERTIFICATE);
  fs.writeFileSync(at('etc/node.key'), TEST_KEY, { mode: 0o600 });
  const port = options.port ?? (await freePort());
  const ssl = { enabled: tls, cert: at('etc/node.crt'), key: at('etc/node.key') };
  const system = { data: at('srv/volumes'), backup_directory: at('srv/backups'), user: { uid: 988, gid: 988 } };
  const api = { host: '0.0.0.0', port, ssl, ...options.api };
  const file = { path: at(`etc/${name}/config.yml`), content: { api, system } };
  const wings = new Wings({ flavour, servers: [GAME_SERVER], remote, file }, root);
  await wings.restart();
  fs.writeFileSync(at('etc/roost/config.yml'), CONFIG(root, await freePort()), { mode: 0o600 });
  const units = await openUnits(root, wings, options.units ?? {});
  onTestFinished(async () => {
    await units.stop();
    await wings.kill().catch(() => undefined);
  });
  const env = { ...process.env, PATH: `${at('bin')}:${process.env['PATH'] ?? ''}` };
  const wingsFile = wings.file.path;
  const wingsPort = await freePort();
  return {
    root,
    env,
    at,
    wings,
    port,
    units,
    wingsFile,
    /** Runs `roost front`; `dryRun`, `undo` and the like as the command line would give them. */
    async front(more: Readonly<Record<string, unknown>> = {}) {
      const { terminal, stderr } = recordingTerminal();
      const invocation = {
        terminal,
        clock: systemClock,
        env,
        signal: new AbortController().signal,
        exitCode: EXIT.done,
      } as unknown as Invocation;
      // Of its own: the usual port may be taken by another host of these tests, once it was found to be free.
      const wishes = { yes: true, restart: true, wingsPort, ...more };
      const { json, text } = await runFront({ root, env }, wishes, invocation);
      return { json: json as Record<string, unknown>, text: text ?? '', said: stderr.text };
    },
    /** All files of the host's configuration. */
    files(): Record<string, string> {
      const all = fs.readdirSync(at('etc'), { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
      return Object.fromEntries(
        all.map(({ parentPath, name: each }) => {
          const path = join(parentPath, each);
          return [path.slice(root.length), fs.readFileSync(path, 'utf8')];
        }),
      );
    },
  };
}

const CONFIG = (root: string, port: number): string => `# of this host
api: { host: 127.0.0.1, port: ${port} }
state_directory: ${root}/var/roost
servers: { root: /var/lib/pterodactyl/volumes }
tokens: [{ id: test, secret: ${TOKEN}, permissions: ['*'], servers: ['*'] }]
storage: { stores: { local: { type: local, directory: ${root}/var/backups } } }
limits: { reserve_free: 0 }
log: { level: silent }
`;

/** What `systemctl` of this host does: the two services for real, one command after the other. */
async function openUnits(root: string, wings: Wings, changed: NonNullable<NodeHostOptions['units']>) {
  const state: Record<string, Record<string, string>> = {
    'wings.service': {
      LoadState: 'loaded',
      ActiveState: 'active',
      ExecStart: '{ path=/usr/local/bin/wings ; argv[]=/usr/local/bin/wings ; }',
      ...changed['wings.service'],
    },
    'roost.service': {
      LoadState: 'loaded',
      ActiveState: 'inactive',
      UnitFileState: 'disabled',
      ...changed['roost.service'],
    },
    'roost.socket': { LoadState: 'loaded', ActiveState: 'inactive', UnitFileState: 'disabled' },
  };
  const units = {
    commands: [] as string[],
    /** Called for each command, also for those that only ask; one that throws fails. */
    asked: (_command: string): void => undefined,
    /** Called before a command that changes something is done. */
    before: (_command: string): Promise<void> | void => undefined,
    daemon: undefined as Daemon | undefined,
    state,
    async start() {
      units.daemon = await startRoost(root);
    },
    async stop() {
      const { daemon } = units;
      units.daemon = undefined;
      await daemon?.stop();
    },
  };
  const act = async (argv: readonly string[]): Promise<string> => {
    const [verb = '', unit = '', property = ''] = argv;
    const of = state[unit] ?? {};
    units.asked(argv.join(' '));
    if (verb === 'show') return shown(of, property.replace('--property=', ''), unit);
    units.commands.push(argv.join(' '));
    await units.before(argv.join(' '));
    for (const each of argv.slice(1)) await change(verb, each);
    return '';
  };
  const shown = (of: Readonly<Record<string, string>>, property: string, unit: string): string => {
    const dropIn = join(root, `etc/systemd/system/${unit}.d/front.conf`);
    if (property !== 'Before' || !fs.existsSync(dropIn)) return of[property] ?? '';
    return `shutdown.target ${/^Before=(.*)$/m.exec(fs.readFileSync(dropIn, 'utf8'))?.[1] ?? ''}`;
  };
  const change = async (verb: string, unit: string): Promise<void> => {
    const of = state[unit] ?? {};
    if (verb === 'enable' || verb === 'disable') of['UnitFileState'] = `${verb}d`;
    if (unit === 'wings.service' && verb === 'restart') await wings.restart();
    if (!['restart', 'start', 'stop'].includes(verb) || unit === 'wings.service') return;
    of['ActiveState'] = verb === 'stop' ? 'inactive' : 'active';
    if (unit !== 'roost.service') return;
    await units.stop();
    if (verb !== 'stop') units.daemon = await startRoost(root);
  };
  const control = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (line: Buffer) => {
      act(line.toString('utf8').trim().split(' ')).then(
        (text) => socket.end(`0\n${text}`),
        (error: unknown) => socket.end(`1\n${String(error)}`),
      );
    });
  });
  await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void control.close());
  const { port } = control.address() as AddressInfo;
  fs.writeFileSync(join(root, 'bin/systemctl'), SYSTEMCTL(port), { mode: 0o755 });
  return units;
}

/** A shell starts in a tenth of the time of Node, and hosts ask it often. */
const SYSTEMCTL = (port: number): string => `#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/${port} || exit 1
echo "$*" >&3
read -r code <&3
IFS= read -r -d '' text <&3
if [ "$code" = 0 ]; then printf %s "$text"; else printf %s "$text" >&2; fi
exit "$code"
`;

async function startRoost(root: string): Promise<Daemon> {
  const daemon = await composeDaemon(await loadConfig(join(root, 'etc/roost/config.yml'), {}), {
    log: silentLog(),
    drainMs: 0,
  });
  try {
    await daemon.start();
    return daemon;
  } catch (error) {
    await daemon.stop();
    throw error;
  }
}
