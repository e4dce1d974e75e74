/**
 * The contract over a real Wings. `WINGS_BIN` names its program, `WINGS_FLAVOUR` the panel; it needs root, and a Docker
 * Engine at `DOCKER_HOST` or the usual socket.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { PanelFlavour } from '../support/panel/flavours.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { SERVER } from '../support/scripted-service.ts';
import { WINGS_TOKEN } from '../support/wings/wings.ts';
import { wingsContract, type WingsUnderTest } from './wings.ts';

const { WINGS_BIN: program, WINGS_FLAVOUR: flavour } = process.env;

if (program === undefined || flavour === undefined) {
  test.skip('a real Wings: WINGS_BIN and WINGS_FLAVOUR name none', () => undefined);
} else {
  wingsContract(`${program} (${flavour})`, () => startWings(program, flavour as PanelFlavour));
}

async function startWings(path: string, named: PanelFlavour): Promise<WingsUnderTest> {
  const panelUrl = await openPanel();
  const directory = await scratchDirectory();
  const [port, sftp] = await Promise.all([freePort(), freePort()]);
  const file = join(directory, 'config.yml');
  const at = (name: string): string => join(directory, name);
  const names = ['root', 'log', 'volumes', 'archives', 'backups', 'tmp', 'passwd', 'machine-id'];
  await Promise.all(names.map((name) => fs.mkdir(at(name))));
  await fs.writeFile(
    file,
    `
uuid: 9d3a8b1e-0000-4000-8000-000000000001
token_id: wings-token-id-1
token: ${WINGS_TOKEN}
api: { host: 127.0.0.1, port: ${port}, ssl: { enabled: false }, trusted_proxies: [127.0.0.1/32] }
system:
  root_directory: ${at('root')}
  log_directory: ${at('log')}
  data: ${at('volumes')}
  archive_directory: ${at('archives')}
  backup_directory: ${at('backups')}
  tmp_directory: ${at('tmp')}
  timezone: UTC
  user: { rootless: { enabled: true }, uid: 0, gid: 0, passwd: { directory: ${at('passwd')} } }
  machine_id: { directory: ${at('machine-id')} }
  enable_log_rotate: false
  sftp: { bind_port: ${sftp} }
remote: ${panelUrl}
`,
    { mode: 0o600 },
  );
  const child = spawn(path, ['--config', file], { stdio: 'ignore', cwd: directory });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) !== undefined);
  return {
    flavour: named,
    port,
    token: WINGS_TOKEN,
    panelUrl,
    server: SERVER,
    file: () => parse(readFileSync(file, 'utf8')) as Record<string, unknown>,
  };
}

/** What a Wings asks of its panel before it listens. */
async function openPanel(): Promise<string> {
  const settings = {
    uuid: SERVER,
    meta: { name: 'survival', description: '' },
    suspended: false,
    environment: {},
    invocation: 'true',
    skip_egg_scripts: true,
    build: {
      memory_limit: 256,
      swap: 0,
      io_weight: 500,
      cpu_limit: 0,
      threads: null,
      oom_disabled: true,
      disk_space: 0,
    },
    container: { image: '~none', oom_disabled: true, requires_rebuild: false },
    allocations: { force_outgoing_ip: false, default: { ip: '127.0.0.1', port: 25565 }, mappings: {} },
    mounts: [],
    egg: { id: SERVER, file_denylist: [] },
  };
  const process_configuration = {
    startup: { done: ['x'], user_interaction: [], strip_ansi: false },
    stop: { type: 'command', value: 'stop' },
    configs: [],
  };
  const server = { uuid: SERVER, settings, process_configuration };
  const meta = { current_page: 1, from: 1, last_page: 1, per_page: 50, to: 1, total: 1 };
  const panel = createServer(({ method, url = '' }, response) => {
    const [path = ''] = url.split('?');
    response.setHeader('Content-Type', 'application/json');
    if (method === 'GET' && path === '/api/remote/servers') response.end(JSON.stringify({ data: [server], meta }));
    else if (method === 'GET' && path.startsWith('/api/remote/servers/')) response.end(JSON.stringify(server));
    else response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => panel.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    panel.closeAllConnections();
    panel.close();
  });
  return `http://127.0.0.1:${(panel.address() as AddressInfo).port}`;
}
