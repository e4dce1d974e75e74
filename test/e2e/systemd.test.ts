/** The files for systemd, as systemd itself reads them; and the words that the daemon says to it. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { scratchHost, TOKEN } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { MAIN, RoostProcess } from './roost-process.ts';

const FILES = fileURLToPath(new URL('../../systemd/', import.meta.url));

function has(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

const analyze = has('systemd-analyze') ? describe : describe.skip;
/** ldconfig lies in /sbin, which is not in the PATH of an ordinary user; without ldconfig there is no output. */
function hasLibrary(name: string): boolean {
  const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  const found = spawnSync('ldconfig', ['-p'], { encoding: 'utf8', env });
  return found.error === undefined && found.stdout.includes(name);
}

const listening = has('python3') && hasLibrary('libsystemd.so.0');

/** The units as they are on a host where Roost is installed, which this machine need not be. */
async function installedUnit(name = 'roost.service'): Promise<string> {
  const directory = await scratchDirectory();
  for (const unit of ['roost.service', 'roost.socket']) {
    const text = await readFile(join(FILES, unit), 'utf8');
    await writeFile(join(directory, unit), text.replaceAll('/opt/roost/node_modules/.bin/node', process.execPath));
  }
  return join(directory, name);
}

analyze('the unit (skipped where systemd-analyze is not installed)', () => {
  test.each(['roost.service', 'roost.socket'])('%s has no fault that systemd-analyze verify finds', async (name) => {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', await installedUnit(name)], {
      encoding: 'utf8',
    });
    expect({ status, stderr: stderr.split('\n').filter((line) => line.includes('roost')) }).toEqual({
      status: 0,
      stderr: [],
    });
  });

  test('exposes less than 3.0 in systemd-analyze security', async () => {
    const report = execFileSync(
      'systemd-analyze',
      ['security', '--offline=true', '--no-pager', await installedUnit()],
      {
        encoding: 'utf8',
      },
    );
    const exposure = Number(/exposure level for roost\.service: ([\d.]+)/.exec(report)?.[1]);
    expect(exposure).toBeLessThan(3);
  });

  test('has a reason beside every line that takes rights away', async () => {
    const lines = (await readFile(join(FILES, 'roost.service'), 'utf8')).split('\n');
    const unexplained = lines.filter((line, index) => {
      if (!/^(Protect|Private|Restrict|Capability|Ambient|NoNew|SystemCallFilter|Lock|Remove|User|UMask)/.test(line))
        return false;
      // A comment stands for the lines that follow it without a gap.
      let at = index;
      while (/^[A-Z]\w+=/.test(lines[at] ?? '')) at--;
      return !(lines[at] ?? '').startsWith('#');
    });
    expect(unexplained).toEqual([]);
  });
});

describe('sysusers.d and tmpfiles.d', () => {
  test.skipIf(!has('systemd-sysusers'))('make the user (skipped without systemd-sysusers)', async () => {
    const root = await scratchDirectory();
    await mkdir(join(root, 'etc'));
    const conf = join(FILES, 'sysusers.d', 'roost.conf');
    const { status } = spawnSync('systemd-sysusers', [`--root=${root}`, conf], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(await readFile(join(root, 'etc', 'passwd'), 'utf8')).toMatch(
      /^roost:x:\d+:\d+:.*:\/var\/lib\/roost:\/usr\/sbin\/nologin$/m,
    );
  });

  test('name the user and the directories that the unit names', async () => {
    const unit = await readFile(join(FILES, 'roost.service'), 'utf8');
    const user = /^User=(\w+)$/m.exec(unit)?.[1] ?? '';
    expect(await readFile(join(FILES, 'sysusers.d', 'roost.conf'), 'utf8')).toMatch(
      new RegExp(`^u\\s+${user}\\s`, 'm'),
    );
    const directory = `/var/lib/${/^StateDirectory=(\w+)$/m.exec(unit)?.[1] ?? ''}`;
    const tmpfiles = await readFile(join(FILES, 'tmpfiles.d', 'roost.conf'), 'utf8');
    expect(tmpfiles).toMatch(new RegExp(`^d\\s+${directory}\\s+0700 ${user}`, 'm'));
    expect(unit).toContain('--config /etc/roost/config.yml');
    expect(tmpfiles).toMatch(/^z\s+\/etc\/roost\/config\.yml\s+0600 root/m);
  });
});

/** Listens as systemd does, and prints each datagram as a line of JSON. */
const LISTENER = `
import json, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print('ready', flush=True)
while True: print(json.dumps(listener.recv(65536).decode()), flush=True)
`;

/** What the daemon has said so far, and a wait for more. */
async function notifySocket(path: string) {
  const child = spawn('python3', ['-c', LISTENER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
  const said = (): string[] =>
    text
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line) as string);
  const until = async (enough: (said: readonly string[]) => boolean): Promise<readonly string[]> => {
    while (!enough(said())) await once(child.stdout, 'data');
    return said();
  };
  while (!text.startsWith('ready\n')) await once(child.stdout, 'data');
  return { until };
}

test('the log is text with priorities where stdout is what JOURNAL_STREAM names', async () => {
  const host = await scratchHost();
  const file = join(host.directory, 'config.yml');
  await writeFile(file, host.config.replace('level: silent, format: json', 'level: info'), { mode: 0o600 });
  const path = join(host.directory, 'journal');
  const journal = openSync(path, 'w');
  onTestFinished(() => closeSync(journal));
  const { dev, ino } = fstatSync(journal);
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', file], {
    env: { PATH: process.env['PATH'] ?? '', JOURNAL_STREAM: `${dev}:${ino}` },
    stdio: ['ignore', journal, 'inherit'],
  });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await eventually(() => readFileSync(path, 'utf8').includes('Roost serves'));
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(lines).toContainEqual(expect.stringMatching(/^<6>Roost serves url=http:\S+ version=/));
  expect(lines.filter((line) => !/^<[2-7]>\S/.test(line))).toEqual([]);
});

describe.skipIf(!listening)('roost serve under systemd (skipped without python3 or libsystemd.so.0)', () => {
  test('says that it serves, feeds the watchdog, reloads on a hangup, and says that it stops', async () => {
    const host = await scratchHost();
    const file = join(host.directory, 'config.yml');
    const config = host.config.replace('level: silent', 'level: info');
    await writeFile(file, config, { mode: 0o600 });
    const socket = join(host.directory, 'notify');
    const { until } = await notifySocket(socket);
    const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '200000' };
    const roost = new RoostProcess(['serve', '--config', file], { cwd: host.directory, env });
    onTestFinished(async () => void (await roost.stop()));
    const [first = ''] = await until((said) => said.length > 0);
    const [, url = ''] = /^READY=1\nSTATUS=Serves on (\S+)$/.exec(first) ?? [];
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await until((said) => said.filter((word) => word === 'WATCHDOG=1').length >= 2);

    const status = async (token: string): Promise<number> =>
      (await fetch(`${url}/api/servers`, { headers: { authorization: `Bearer ${token}` } })).status;
    const next = 'another-token-of-sixteen-characters';
    await writeFile(file, config.replace(TOKEN, next).replace('port: 0', 'port: 1'), { mode: 0o600 });
    roost.signal('SIGHUP');
    const reloaded = await until((said) => said.includes('READY=1'));
    expect(reloaded.filter((word) => word !== 'WATCHDOG=1').slice(1)).toEqual([
      expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/),
      'READY=1',
    ]);
    expect([await status(TOKEN), await status(next)]).toEqual([401, 200]);
    expect(await roost.printed(/"keys":\["api"\].*after a restart/)).not.toBeNull();

    await writeFile(file, 'nonsense: true', { mode: 0o600 });
    roost.signal('SIGHUP');
    await roost.printed(/was not reloaded/);
    expect(await status(next)).toBe(200);

    const { exitCode, stdout } = await roost.stop();
    // The watchdog is fed until the end, so this need not be the last word.
    const stopping = (word: string): boolean => word.startsWith('STOPPING=1');
    expect((await until((said) => said.some(stopping))).find(stopping)).toContain('STATUS=');
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain(next);
  });
});
