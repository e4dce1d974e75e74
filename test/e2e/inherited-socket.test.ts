/** A listening socket that systemd holds (roost.socket): what comes while Roost restarts waits, and nothing is refused. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { GAME_SERVER, scratchHost } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { openWings, type Wings } from '../support/wings/wings.ts';
import { MAIN } from './roost-process.ts';

function has(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/** Holds a socket as systemd does, and runs a program with it, one after the other: a line starts it, another ends it. */
const HOLDER = `
import os, signal, socket, subprocess, sys
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])), backlog=128)
os.dup2(listener.fileno(), 3, inheritable=True)
names = dict(os.environ, LISTEN_FDS='1', LISTEN_FDNAMES=sys.argv[2])
for line in sys.stdin:
  child = subprocess.Popen(['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh'] + sys.argv[3:], env=names, pass_fds=[3])
  sys.stdin.readline()
  child.send_signal(signal.SIGTERM)
  print('ended', child.wait(), flush=True)
`;

interface Scene {
  readonly wings: Wings;
  readonly port: number;
  readonly config: string;
  readonly command: readonly string[];
}

async function scene(more = ''): Promise<Scene> {
  const wings = await openWings({ servers: [GAME_SERVER], remote: 'http://127.0.0.1:9' });
  const port = await freePort();
  const host = await scratchHost(`
panel: { flavour: pterodactyl }
power: { driver: wings }
front:
  listen: { host: 127.0.0.1, port: ${port} }
  wings: ${wings.url}
  wings_config: ${wings.file.path}
${more}`);
  const config = join(host.directory, 'config.yml');
  await writeFile(config, host.config, { mode: 0o600 });
  return { wings, port, config, command: [process.execPath, MAIN, 'serve', '--config', config] };
}

/** @returns the code and the signal of its end, once all that it said was read. */
function gone(child: ChildProcess): Promise<unknown[]> {
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return ended;
}

/** On a connection of its own. @returns the status, or why there is none. */
function ask({ wings, port }: Scene): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${wings.token}` };
    const asking = request({ host: '127.0.0.1', port, path: '/api/system', headers, agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    });
    asking.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? String(error)));
    asking.end();
  });
}

test.skipIf(!has('python3'))(
  'no connection is refused while Roost restarts (skipped without python3)',
  { timeout: 120_000 },
  async () => {
    const host = await scene();
    const holder = spawn('python3', ['-c', HOLDER, String(host.port), 'front', ...host.command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    void gone(holder);
    let said = '';
    holder.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    holder.stdin.write('start\n');
    const answers: (number | string)[] = [];
    // The socket is there before Roost is.
    await eventually(async () => (await ask(host)) === 200);
    const stop = new AbortController();
    const client = async (): Promise<void> => {
      while (!stop.signal.aborted) answers.push(await ask(host));
    };
    const clients = [client(), client(), client()];
    for (let restarts = 1; restarts <= 2; restarts++) {
      const before = answers.length;
      await eventually(() => answers.length > before + 5);
      holder.stdin.write('stop\nstart\n');
      await eventually(() => said.split('ended 0').length === restarts + 1);
      const meanwhile = ask(host);
      expect(await meanwhile).toBe(200);
    }
    stop.abort();
    await Promise.all(clients);
    expect(new Set(answers)).toEqual(new Set([200]));
    holder.stdin.write('stop\n');
    await eventually(() => said.split('ended 0').length === 4);
  },
);

test.skipIf(!has('systemd-socket-activate'))(
  'the connection that starts Roost is answered (skipped without systemd-socket-activate)',
  { timeout: 120_000 },
  async () => {
    const host = await scene();
    const listen = ['--listen', `127.0.0.1:${host.port}`, '--fdname=front', '-E', `PATH=${process.env['PATH'] ?? ''}`];
    const roost = spawn('systemd-socket-activate', [...listen, ...host.command], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    void gone(roost);
    let said = '';
    roost.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
    await eventually(() => said.includes('Listening on'));
    expect(await ask(host)).toBe(200);
    expect(host.wings.received.some(({ target }) => target === '/api/system')).toBe(true);
  },
);

test.skipIf(!has('systemd-socket-activate'))(
  'a socket at another port than the config says, or of nothing that is served, is refused (skipped without systemd-socket-activate)',
  { timeout: 120_000 },
  async () => {
    const host = await scene();
    for (const [name, reason] of [
      ['front', /it is at port \d+/],
      ['roost.socket', /names none of what Roost serves/],
    ] as const) {
      const other = await freePort();
      const roost = spawn(
        'systemd-socket-activate',
        [
          '--listen',
          `127.0.0.1:${other}`,
          `--fdname=${name}`,
          '-E',
          `PATH=${process.env['PATH'] ?? ''}`,
          ...host.command,
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      const ended = gone(roost);
      let said = '';
      roost.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
      await eventually(() => said.includes('Listening on'));
      const answer = ask({ ...host, port: other });
      expect(await ended).toEqual([2, null]);
      expect(said).toMatch(reason);
      expect(await answer).not.toBe(200);
    }
  },
);
