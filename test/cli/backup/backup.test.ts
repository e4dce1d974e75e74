import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { type Answer, type Asked, type FakeDaemon, type Handler, startFakeDaemon } from '../fake-daemon.ts';
import { freePort } from '../../support/free-port.ts';
import { type Ran, run, type RunOptions } from '../run.ts';

const SERVER = '0f0e9c52-6d3d-4c5b-9f0e-2f6a1b7c8d90';
const FIRST = 'aaaaaaaa-1111-4111-8111-111111111111';
const SECOND = 'aabbbbbb-2222-4222-8222-222222222222';

let daemon: FakeDaemon | undefined;
afterEach(async () => {
  await daemon?.close();
  daemon = undefined;
});

function backup(id: string, fields: object = {}): object {
  return {
    id,
    name: 'Nightly',
    size: 2048,
    checksum: 'ab'.repeat(32),
    checksumType: 'sha256',
    status: 'COMPLETED',
    isLocked: false,
    createdAt: '2024-05-01T10:00:00.000Z',
    warnings: [],
    warningCount: 0,
    files: 3,
    ...fields,
  };
}

async function roost(handler: Handler, argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  daemon = await startFakeDaemon(handler);
  return run(['backup', ...argv], { ...options, env: { ROOST_URL: daemon.url, ROOST_TOKEN: 'secret-token' } });
}

const always = (status: number, body: unknown) => (): Answer => ({ status, body });
const lastAsked = (): Asked | undefined => daemon?.asked.at(-1);

describe('roost backup create', () => {
  it('names its own backup, waits for the end and prints what it became', async () => {
    const ran = await roost(
      ({ body }) => ({ status: 201, body: backup((body as { id: string }).id) }),
      ['create', SERVER, '--name', 'Before update', '--ignore', '*.log', '--ignore', 'cache/', '--lock'],
    );
    expect(ran.exitCode).toBe(0);
    expect(lastAsked()).toMatchObject({
      method: 'POST',
      url: `/api/servers/${SERVER}/backups`,
      authorization: 'Bearer secret-token',
      prefer: undefined,
      body: { name: 'Before update', ignore: ['*.log', 'cache/'], locked: true },
    });
    expect(ran.stdout).toContain('COMPLETED');
    expect(ran.stderr).toBe('');
  });

  it('exits 3 and names the warnings on stderr', async () => {
    const warnings = [{ path: 'world/a\nb', code: 'file_grew', message: 'it grew' }];
    const ran = await roost(always(201, backup(FIRST, { warnings, warningCount: 5 })), ['create', SERVER]);
    expect(ran.exitCode).toBe(3);
    expect(ran.stderr).toContain('warning: world/a\\nb: it grew [file_grew]');
    expect(ran.stderr).toContain('and 4 more');
  });

  it('prints the object that the daemon sent with --json', async () => {
    const object = backup(FIRST, { later: 'field' });
    const ran = await roost(always(201, object), ['create', SERVER, '--json']);
    expect(ran.json()).toEqual(object);
  });

  it('does not wait with --detach', async () => {
    const ran = await roost(always(202, backup(FIRST, { status: 'IN_PROGRESS' })), ['create', SERVER, '--detach']);
    expect(lastAsked()?.prefer).toBe('respond-async');
    expect(ran.stdout).toContain('IN_PROGRESS');
  });

  it('draws the progress that the event socket tells, of this backup only', async () => {
    const ran = await roost(
      async ({ body }) => {
        const { id } = body as { id: string };
        const socket = await daemon?.firstSocket;
        const frame = (backup: string, bytesDone: number) =>
          JSON.stringify({ type: 'backup.progress', backup, data: { phase: 'writing', bytesDone, bytesTotal: 100 } });
        socket?.send('no json');
        socket?.send(frame(SECOND, 11));
        await new Promise<void>((resolve) => socket?.send(frame(id, 42), () => resolve()));
        // The frame travels on another connection than this answer: a ping's echo says that it was read.
        await new Promise<void>((resolve) => {
          socket?.once('pong', () => resolve());
          socket?.ping();
        });
        return { status: 201, body: backup(id) };
      },
      ['create', SERVER],
      { columns: 100 },
    );
    expect(ran.stderr).toContain('writing  [');
    expect(ran.stderr).toContain('42%');
    expect(ran.stderr).not.toContain('11%');
    expect(ran.exitCode).toBe(0);
  });

  it('asks the daemon to cancel on Ctrl-C, and waits for what became of it', async () => {
    const stop = new AbortController();
    let ended: ((answer: Answer) => void) | undefined;
    const ran = await roost(
      ({ url }) => {
        if (url.endsWith('/cancel')) {
          ended?.({ status: 500, body: { error: 'Cannot back up: it was cancelled', code: 'cancelled' } });
          return { status: 202, body: { success: true } };
        }
        const answer = new Promise<Answer>((resolve) => (ended = resolve));
        stop.abort(new Failure('cancelled', 'Cannot go on: it was cancelled'));
        return answer;
      },
      ['create', SERVER, '--json'],
      { signal: stop.signal },
    );
    const [creation, cancellation] = daemon?.asked ?? [];
    expect(creation?.body).toHaveProperty('id', cancellation?.url.split('/').at(-2));
    expect(cancellation?.url).toMatch(/\/backups\/[0-9a-f-]{36}\/cancel$/);
    expect(ran.exitCode).toBe(1);
    expect(ran.json()).toMatchObject({ code: 'cancelled' });
  });
});

describe('naming what is meant', () => {
  const handler: Handler = ({ url }) => {
    if (url === '/api/servers') return { status: 200, body: [{ id: SERVER, name: 'survival' }] };
    if (url.endsWith('/backups')) {
      const older = backup(SECOND, { createdAt: '2024-04-01T10:00:00.000Z' });
      const failed = backup('cccccccc-3333-4333-8333-333333333333', {
        status: 'FAILED',
        createdAt: '2024-06-01T10:00:00.000Z',
      });
      return { status: 200, body: [failed, backup(FIRST), older] };
    }
    return { status: 200, body: backup(FIRST) };
  };

  it('finds a server by its name', async () => {
    await roost(handler, ['list', 'survival']);
    expect(lastAsked()?.url).toBe(`/api/servers/${SERVER}/backups`);
  });

  it('lists the servers there are when the name is unknown', async () => {
    const ran = await roost(handler, ['list', 'creative']);
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain('Servers: survival');
  });

  it('takes "latest" for the newest completed backup', async () => {
    await roost(handler, ['show', SERVER, 'latest']);
    expect(lastAsked()?.url).toBe(`/api/servers/${SERVER}/backups/${FIRST}`);
  });

  const made = (name: string, sequence: number, more: object) => ({
    id: name,
    name,
    size: 1,
    status: 'COMPLETED',
    isLocked: false,
    createdAt: '2026-01-01T00:00:00.000Z',
    sequence,
    ...more,
  });
  const judged = [
    made('ahead', 5, { createdAt: '2199-01-01T00:00:00.000Z' }),
    made('damaged', 4, { damagedAt: '2026-01-02T00:00:00.000Z' }),
    made('suspect', 3, { suspect: { reason: 'empty', message: 'It holds no files' } }),
    made('good', 2, {}),
    made('older', 1, { createdAt: '2026-02-01T00:00:00.000Z' }),
  ];

  it('takes "latest" by the order of making, passes over what is not good, and says so', async () => {
    const answer = ({ url }: { url: string }) => ({ status: 200, body: url.endsWith('/backups') ? judged : judged[3] });
    const ran = await roost(answer, ['show', SERVER, 'latest']);
    expect(lastAsked()?.url).toBe(`/api/servers/${SERVER}/backups/good`);
    expect(ran.stderr).toContain(
      'latest is good; passed over: ahead (dated in the future), damaged (DAMAGED), suspect (SUSPECT)',
    );
  });

  it('lists damaged and suspect backups as that', async () => {
    const { stdout } = await roost(always(200, judged), ['list', SERVER]);
    expect(stdout).toMatch(/^damaged +DAMAGED/m);
    expect(stdout).toMatch(/^suspect +SUSPECT/m);
    expect(stdout).toMatch(/^good +COMPLETED/m);
  });

  it.each([
    [1, 3, /^status: +DAMAGED\ndamaged: +found 2026-01-0\d \d\d:\d\d$/m],
    [2, 3, /^status: +SUSPECT\nsuspect: +It holds no files$/m],
    [3, 0, /^status: +COMPLETED$/m],
  ])('shows damage and suspicion, and ends with warnings then (%d)', async (at, exitCode, lines) => {
    const ran = await roost(always(200, judged[at]), ['show', SERVER, FIRST]);
    expect(ran.exitCode).toBe(exitCode);
    expect(ran.stdout).toMatch(lines);
  });

  it('takes the start of an id that fits one backup', async () => {
    await roost(handler, ['show', SERVER, 'aab']);
    expect(lastAsked()?.url).toBe(`/api/servers/${SERVER}/backups/${SECOND}`);
  });

  it('refuses the start of an id that fits several', async () => {
    const ran = await roost(handler, ['delete', SERVER, 'aa']);
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain('2 backups begin like that');
    expect(daemon?.asked.every(({ method }) => method === 'GET')).toBe(true);
  });
});

describe('the other backup commands', () => {
  it.each([
    ['delete', 'DELETE', `/delete?id=${FIRST}`, undefined],
    ['lock', 'PATCH', `/lock?id=${FIRST}`, { locked: true }],
    ['accept', 'POST', `/${FIRST}/accept`, undefined],
    ['unlock', 'PATCH', `/lock?id=${FIRST}`, { locked: false }],
    ['cancel', 'POST', `/${FIRST}/cancel`, undefined],
    ['verify', 'POST', `/${FIRST}/verify`, undefined],
  ])('%s sends what the API wants', async (command, method, path, body) => {
    const ran = await roost(always(200, { success: true }), [command, SERVER, FIRST]);
    expect(lastAsked()).toMatchObject({ method, url: `/api/servers/${SERVER}/backups${path}`, body });
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ran.stdout).toContain(FIRST);
  });

  it.each([
    [{ found: 'damaged', takenFrom: 'offsite' }, 'the index beside it was damaged, and was taken from "offsite" again'],
    [{ found: 'missing' }, 'the index beside it is missing, and no other store has it'],
  ])('verify tells what became of an index that was not right', async (index, words) => {
    const ran = await roost(always(200, { id: FIRST, index }), ['verify', SERVER, FIRST]);
    expect(ran.stdout).toContain(`${FIRST} is intact; ${words}`);
    expect(ran.exitCode).toBe(0);
  });

  it('restore sends names as they are, patterns apart from them, and tells what was done', async () => {
    const warnings = [
      { path: 'gone', code: 'not_in_backup', message: 'It was not restored' },
      { path: '', code: 'not_stopped', message: 'The server was not stopped' },
    ];
    const counts = { files: 12, bytes: 2048, removed: 3, skipped: 0, seconds: 1.25 };
    const body = { success: true, message: 'Backup restored successfully', ...counts, warnings, warningCount: 2 };
    const argv = ['restore', SERVER, FIRST, '--path', '!first', '--path', 'n\udce4me', '--glob', '*.jar', '--truncate'];
    const ran = await roost(always(200, body), [...argv, '--force']);
    expect(lastAsked()).toMatchObject({
      body: { truncate: true, force: true, paths: ['!first', 'n\\xe4me'], globs: ['*.jar'] },
    });
    expect(ran.stdout).toBe('Backup restored successfully: 12 files, 2.0 KiB, 3 removed, 1.3 s\n');
    expect(ran.stderr).toContain('warning: gone: It was not restored [not_in_backup]');
    expect(ran.stderr).toContain('warning: The server was not stopped [not_stopped]');
    expect(ran.exitCode).toBe(3);
  });

  it('restore ends well when it has only to say that nothing stops servers', async () => {
    const warnings = [{ path: '', code: 'not_stopped', message: 'The server was not stopped' }];
    const body = { success: true, message: 'Backup restored successfully', warnings, warningCount: 1 };
    const ran = await roost(always(200, body), ['restore', SERVER, FIRST]);
    expect(ran).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('[not_stopped]') });
  });

  it('restore sends globs and truncate, and prints the daemon’s words', async () => {
    const ran = await roost(always(200, { success: true, message: 'Backup restored successfully' }), [
      'restore',
      SERVER,
      FIRST,
      '--path',
      'world/**',
      '--truncate',
    ]);
    expect(lastAsked()).toMatchObject({
      url: `/api/servers/${SERVER}/backups/restore?id=${FIRST}`,
      body: { truncate: true, paths: ['world/**'] },
    });
    expect(ran.stdout).toBe('Backup restored successfully\n');
  });

  it('files goes on to the last page', async () => {
    const entry = (name: string, kind = 'file') => ({ name, kind, size: 1 });
    const ran = await roost(
      ({ url }) =>
        url.includes('cursor=next')
          ? { status: 200, body: { path: 'world', entries: [entry('b\u001b[2J')] } }
          : { status: 200, body: { path: 'world', entries: [entry('a', 'directory')], cursor: 'next' } },
      ['files', SERVER, FIRST, '--path', './world/'],
    );
    expect(daemon?.asked[0]?.url).toContain('path=world');
    expect(ran.stdout).toBe('a/\nb\\x1b[2J\n');
  });

  it('list shows names of others without their control characters', async () => {
    const ran = await roost(always(200, [backup(FIRST, { name: 'a\u001b[31m\nforged' })]), ['list', SERVER]);
    expect(ran.stdout).toContain('a\\x1b[31m\\nforged');
    expect(ran.stdout.trimEnd().split('\n')).toHaveLength(2);
  });
});

describe('when the daemon does not do it', () => {
  it('says its words, its code and its hint', async () => {
    const refusal = { error: 'Cannot delete: the backup is locked', code: 'backup_locked', hint: 'Unlock it first.' };
    const ran = await roost(always(403, refusal), ['delete', SERVER, FIRST, '--json']);
    expect(ran.exitCode).toBe(1);
    expect(ran.json()).toEqual(refusal);
    expect(ran.stderr).toBe('roost: Cannot delete: the backup is locked\nhint: Unlock it first.\n');
  });

  it('says where a refused token came from, and never the token', async () => {
    const ran = await roost(always(401, { error: 'Unknown token', code: 'unauthorized' }), ['list', SERVER]);
    expect(ran.stderr).toContain('ROOST_TOKEN');
    expect(ran.stderr).not.toContain('secret-token');
  });

  it.each([
    ['a web page', 200, '<html>hello</html>'],
    ['an object of another shape', 200, { hello: true }],
    ['a proxy that is down', 502, 'Bad gateway'],
  ])('takes %s for no Roost', async (_name, status, body) => {
    const ran = await roost(always(status, body), ['list', SERVER]);
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain('Cannot understand the answer');
  });

  it('says that nothing listens there', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const ran = await run(['backup', 'list', SERVER], { env: { ROOST_URL: url, ROOST_TOKEN: 't' } });
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain('nothing listens there');
    expect(ran.stderr).not.toMatch(/^\s+at /m);
  });

  it('says that the connection broke half-way', async () => {
    const ran = await roost(() => {
      void daemon?.close();
      return new Promise<never>(() => undefined);
    }, ['create', SERVER]);
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain('the connection broke');
    daemon = undefined;
  });
});

describe('finding the daemon', () => {
  it.each([
    [{ ROOST_URL: 'http://127.0.0.1:1' }, 'ROOST_TOKEN is not set'],
    [{ ROOST_TOKEN: 'x' }, 'nothing says where it is'],
    [{ ROOST_URL: 'ftp://x', ROOST_TOKEN: 'x' }, 'no http or https address'],
  ])('refuses %j with exit 2', async (env, words) => {
    const ran = await run(['backup', 'list', SERVER], { env });
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain(words);
  });

  it('takes address and token from the daemon’s own config', async () => {
    daemon = await startFakeDaemon(always(200, []));
    const directory = fs.mkdtempSync(join(tmpdir(), 'roost-cli-'));
    try {
      const file = join(directory, 'config.yml');
      fs.writeFileSync(
        file,
        `api: { host: 0.0.0.0, port: ${new URL(daemon.url).port} }
state_directory: ${directory}/state
servers: { root: ${directory}/servers }
tokens:
  - { id: reader, secret: reader-secret-0123456789, permissions: [backup.read], servers: ["*"] }
  - { id: panel, secret: panel-secret-0123456789, permissions: ["*"], servers: ["*"] }
storage: { default: local, stores: { local: { type: local, directory: ${directory}/backups } } }
`,
        { mode: 0o600 },
      );
      const ran = await run(['backup', 'list', SERVER, '--config', file]);
      expect(ran).toMatchObject({ exitCode: 0 });
      expect(lastAsked()?.authorization).toBe('Bearer panel-secret-0123456789');
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });
});
