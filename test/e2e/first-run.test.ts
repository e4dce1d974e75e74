/** What a stranger does in the first minutes: start, paste the printed lines, download, damage, restore. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { freePort } from '../support/free-port.ts';
import { knownSecret } from '../support/secret-shapes.ts';
import { RoostProcess, roost } from './roost-process.ts';

interface Backup {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly size: number;
  readonly checksum: string;
}

let home: string;
let daemon: RoostProcess;
let url: string;
let token: string;
let server: string;
let serverDirectory: string;

beforeAll(async () => {
  home = fs.mkdtempSync(join(tmpdir(), 'roost-first-run-'));
  // The config of a first run keeps the port that it was made with.
  daemon = new RoostProcess(['start', '--port', String(await freePort())], { cwd: home });
  await daemon.printed(/Ctrl-C stops it/);
  url = (await daemon.printed(/Roost serves on (\S+)/))[1] ?? '';
  token = (await daemon.printed(/^TOKEN=(\S+)$/m))[1] ?? '';
  server = fs.readdirSync(join(home, '.roost/servers'))[0] ?? '';
  serverDirectory = join(home, '.roost/servers', server);
});

afterAll(async () => {
  await daemon.stop();
  fs.rmSync(home, { recursive: true, force: true });
});

/** Runs a printed line as a shell would, without needing curl: method, headers and body are read from its words. */
async function paste(line: string): Promise<unknown> {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
  const after = (option: string) => words.filter((_, at) => words[at - 1] === option);
  const headers = Object.fromEntries(after('-H').map((header) => header.split(': ') as [string, string]));
  const [body] = after('-d');
  const address = words.find((word) => word.startsWith('http')) ?? '';
  const response = await fetch(address, body === undefined ? { headers } : { method: 'POST', headers, body });
  expect(response.ok).toBe(true);
  return response.json();
}

async function api(method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${url}/api/servers/${server}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

function treeOf(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const item of fs.readdirSync(root, { withFileTypes: true, recursive: true })) {
    const path = join(item.parentPath, item.name);
    const name = path.slice(root.length + 1);
    if (item.isFile()) found[name] = createHash('sha256').update(fs.readFileSync(path)).digest('hex');
    else found[name] = item.isSymbolicLink() ? `-> ${fs.readlinkSync(path)}` : 'directory';
  }
  return found;
}

describe('a first run', () => {
  it('prints three commands that each work by themselves: the servers, a backup, the list', async () => {
    const [servers = '', create = '', list = '', ...others] = daemon.stdout.match(/^curl .*$/gm) ?? [];
    expect(others).toEqual([]);
    expect(await paste(servers)).toMatchObject([{ id: server }]);
    const made = (await paste(create)) as Backup;
    expect(made).toMatchObject({ status: 'COMPLETED', serverId: server });
    expect(await paste(list)).toMatchObject([{ id: made.id, name: 'My first backup' }]);
  });

  it('prints a link that signs in once', async () => {
    const [, code] = await daemon.printed(/it signs you in[^\n]*\n\n +http\S+\/#\/in\/([\w-]{22})\n/);
    const signIn = () =>
      fetch(`${url}/api/session`, { method: 'POST', body: JSON.stringify({ code: knownSecret(code ?? '') }) });
    const { secret } = (await (await signIn()).json()) as { secret: string };
    const headers = { authorization: `Bearer ${secret}` };
    expect(await (await fetch(`${url}/api/servers`, { headers })).json()).toMatchObject([{ id: server }]);
    expect(await (await signIn()).json()).toMatchObject({ error: 'Cannot sign in: this link was used already' });
  });

  it('keeps its secrets to its owner', () => {
    expect(fs.statSync(join(home, '.roost')).mode & 0o077).toBe(0);
    expect(fs.statSync(join(home, '.roost/config.yml')).mode & 0o077).toBe(0);
  });

  it('downloads what it made: the checksum fits, and plain tar reads it', async () => {
    const [made] = (await (await api('GET', '/backups')).json()) as Backup[];
    const { downloadUrl } = (await (await api('POST', '/backups/download-token', { id: made?.id })).json()) as {
      downloadUrl: string;
    };
    const bytes = Buffer.from(await (await fetch(new URL(downloadUrl, url))).arrayBuffer());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(made?.checksum);
    fs.writeFileSync(join(home, 'first.tar.gz'), bytes);
    const listed = execFileSync('tar', ['-tzf', join(home, 'first.tar.gz')], { encoding: 'utf8' });
    expect(listed).toContain('world/level.dat\n');
    expect(listed).toContain('world/datapacks/\n');
    expect(listed).not.toContain('cache');
  });

  it('restores a server that was damaged, and tells its progress on the socket', async () => {
    const before = treeOf(serverDirectory);
    const [made] = (await (await api('GET', '/backups')).json()) as Backup[];
    fs.rmSync(join(serverDirectory, 'world/region'), { recursive: true });
    fs.writeFileSync(join(serverDirectory, 'world/level.dat'), 'overwritten by a griefer');
    const events = new WebSocket(`${url.replace('http', 'ws')}/api/servers/${server}/events`);
    const seen: string[] = [];
    const told = Promise.withResolvers<void>();
    const completed = Promise.withResolvers<void>();
    events.on('error', (error) => [told, completed].forEach(({ reject }) => reject(error)));
    events.on('message', (data: Buffer) => {
      const { type } = JSON.parse(data.toString('utf8')) as { type: string };
      seen.push(type);
      if (type === 'snapshot') told.resolve();
      if (type === 'restore.completed') completed.resolve();
    });
    events.on('open', () => events.send(JSON.stringify({ type: 'auth', token })));
    // On another connection the restore could be over before the token was read here.
    await told.promise;
    const answer = await api('POST', `/backups/restore?id=${made?.id}`, { truncate: false });
    expect(await answer.json()).toMatchObject({ success: true });
    await completed.promise;
    events.terminate();
    expect(seen).toContain('restore.started');
    expect(treeOf(serverDirectory)).toEqual(before);
  });

  it('tells what a restore would change, restores with truncate, and takes it back', async () => {
    const [made] = (await (await api('GET', '/backups')).json()) as Backup[];
    fs.writeFileSync(join(serverDirectory, 'made-later.txt'), 'not in the backup');
    const before = treeOf(serverDirectory);
    const preview = await api('POST', `/backups/restore?id=${made?.id}`, {
      truncate: true,
      keepIgnored: true,
      dryRun: true,
    });
    expect(await preview.json()).toMatchObject({
      message: 'Nothing was changed',
      dryRun: { deleted: ['made-later.txt'] },
    });
    expect(treeOf(serverDirectory)).toEqual(before);
    const restored = await api('POST', `/backups/restore?id=${made?.id}`, {
      truncate: true,
      keepIgnored: true,
      keepPrevious: 1,
    });
    expect(await restored.json()).toMatchObject({ success: true, undoUntil: expect.any(String) as string });
    expect(treeOf(serverDirectory)).not.toHaveProperty('made-later.txt');
    expect(await (await api('POST', `/backups/${made?.id}/undo`)).json()).toMatchObject({ success: true });
    expect(treeOf(serverDirectory)).toEqual(before);
    const again = await api('POST', `/backups/${made?.id}/undo`);
    expect([again.status, await again.json()]).toMatchObject([404, { code: 'path_not_found' }]);
    fs.rmSync(join(serverDirectory, 'made-later.txt'));
  });

  it.skipIf(fs.existsSync('/etc/roost/config.yml'))(
    'is found by the backup commands without a word about where',
    async () => {
      const list = await roost(['backup', 'list', server, '--json'], { cwd: home });
      expect(list.exitCode).toBe(0);
      const { backups } = JSON.parse(list.stdout) as { backups: Backup[] };
      expect(backups).toHaveLength(1);
    },
  );
});

describe('the backup commands against a daemon', () => {
  const command = (...argv: string[]) =>
    roost(['backup', ...argv], { cwd: home, env: { ROOST_URL: url, ROOST_TOKEN: token } });

  it('create, show, verify, files, lock, delete', async () => {
    const created = await command('create', server, '--name', 'By hand', '--json');
    expect([created.exitCode, created.stderr]).toEqual([0, '']);
    const { id } = JSON.parse(created.stdout) as Backup;
    expect((await command('show', server, id)).stdout).toContain('By hand');
    expect((await command('verify', server, id)).stdout).toBe(`${id} is intact\n`);
    expect((await command('files', server, id, '--path', 'world')).stdout.split('\n')).toContain('level.dat');
    expect((await command('lock', server, id)).exitCode).toBe(0);
    const refused = await command('delete', server, id, '--json');
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ code: 'backup_locked' });
    expect((await command('unlock', server, id)).exitCode).toBe(0);
    expect((await command('delete', server, id)).stdout).toBe(`${id} deleted\n`);
    expect((await command('show', server, id)).exitCode).toBe(1);
  });

  it('restore brings one path back and leaves the rest', async () => {
    fs.writeFileSync(join(serverDirectory, 'ops.json'), '[]');
    fs.writeFileSync(join(serverDirectory, 'eula.txt'), 'eula=false\n');
    const restored = await command('restore', server, 'latest', '--path', 'ops.json');
    expect(restored).toMatchObject({ exitCode: 0 });
    expect(fs.readFileSync(join(serverDirectory, 'ops.json'), 'utf8')).toContain('robin');
    expect(fs.readFileSync(join(serverDirectory, 'eula.txt'), 'utf8')).toBe('eula=false\n');
  });

  it('cancel says that nothing runs', async () => {
    const cancelled = await command('cancel', server, 'latest', '--json');
    expect(cancelled.exitCode).toBe(1);
    expect(JSON.parse(cancelled.stdout)).toMatchObject({ code: 'not_running' });
  });

  it('a wrong token is a sentence that says where it came from', async () => {
    const refused = await roost(['backup', 'list', server], {
      cwd: home,
      env: { ROOST_URL: url, ROOST_TOKEN: 'wrong-token-0123456789' },
    });
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('ROOST_TOKEN');
    expect(refused.stderr).not.toMatch(/^\s+at /m);
  });
});

describe('starting and stopping', () => {
  it('says which option chooses another port when the port is taken', async () => {
    const holder = net.createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    const directory = fs.mkdtempSync(join(tmpdir(), 'roost-taken-'));
    try {
      const ended = await roost(['start', '--port', String(port)], { cwd: directory });
      expect(ended.exitCode).toBe(2);
      expect(ended.stderr).toContain('--port');
      expect(ended.stderr).toContain(String(port));
      // It never started, so it says nothing of a stop.
      expect(ended.stdout).toBe('');
      expect(ended.stderr).not.toMatch(/^\s+at /m);
    } finally {
      fs.rmSync(directory, { recursive: true });
      await new Promise((resolve) => holder.close(resolve));
    }
  });

  it.skipIf(fs.existsSync('/etc/roost/config.yml'))(
    'is found at the port that was chosen after the first one was taken (skipped where the host has a config)',
    async () => {
      const holder = net.createServer();
      await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
      const { port } = holder.address() as AddressInfo;
      const cwd = fs.mkdtempSync(join(tmpdir(), 'roost-other-port-'));
      const first = await roost(['start', '--port', String(port)], { cwd });
      expect(first.exitCode).toBe(2);
      expect(fs.readFileSync(join(cwd, '.roost/config.yml'), 'utf8')).toContain(`port: ${port}`);
      const second = new RoostProcess(['start', '--port', '0'], { cwd });
      try {
        await second.printed(/Ctrl-C stops it/);
        const listed = await roost(['servers', '--json'], { cwd });
        expect([listed.stderr, JSON.parse(listed.stdout)]).toMatchObject(['', { servers: [{ backups: 0 }] }]);
      } finally {
        await second.stop();
        fs.rmSync(cwd, { recursive: true });
        await new Promise((resolve) => holder.close(resolve));
      }
    },
  );

  it.skipIf(fs.existsSync('/etc/roost/config.yml'))('is found at another port than the config’s', async () => {
    await daemon.stop();
    daemon = new RoostProcess(['start', '--port', '0'], { cwd: home });
    await daemon.printed(/Ctrl-C stops it/);
    url = (await daemon.printed(/Roost serves on (\S+)/))[1] ?? '';
    const list = await roost(['backup', 'list', server, '--json'], { cwd: home });
    expect(list).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('ends with 0 on SIGTERM, and comes back with the same token and backups', async () => {
    const before = await (await api('GET', '/backups')).json();
    expect(await daemon.stop()).toMatchObject({ exitCode: 0, stderr: '' });
    daemon = new RoostProcess(['start'], { cwd: home });
    url = (await daemon.printed(/Roost serves on (\S+)/))[1] ?? '';
    const again = await daemon.printed(/^TOKEN=(\S+)$/m);
    expect(again[1]).toBe(token);
    expect(await (await api('GET', '/backups')).json()).toEqual(before);
  });
});
