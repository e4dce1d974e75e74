import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, type FakeDaemon, type Handler, startFakeDaemon } from '../fake-daemon.ts';
import { type Ran, run } from '../run.ts';

const SERVER = '0f0e9c52-6d3d-4c5b-9f0e-2f6a1b7c8d90';
const FIRST = 'aaaaaaaa-1111-4111-8111-111111111111';
const SECOND = 'aabbbbbb-2222-4222-8222-222222222222';
const COMPARISON = 'cccccccc-3333-4333-8333-333333333333';

let daemon: FakeDaemon | undefined;
afterEach(async () => {
  await daemon?.close();
  daemon = undefined;
});

async function roost(handler: Handler, argv: readonly string[]): Promise<Ran> {
  daemon = await startFakeDaemon(handler);
  return run(['backup', ...argv], { env: { ROOST_URL: daemon.url, ROOST_TOKEN: 'secret-token' } });
}

const asked = (): string[] => (daemon?.asked ?? []).map(({ method, url }) => `${method} ${url}`);
const total = (files = 0, bytes = 0) => ({ files, directories: 0, bytes });
const totals = { added: total(1, 10), changed: total(), deleted: total(1, 2048), same: total(7, 70), kept: total() };
const added = { class: 'added', path: 'a\u001b[2J', size: 10 };
const deleted = { class: 'deleted', path: 'later', directory: true, size: 0 };

/** A comparison of two pages. */
function twoPages({ url }: { readonly url: string }): Answer {
  if (url.includes('/comparisons/')) return { status: 200, body: { changes: [deleted] } };
  const head = { id: COMPARISON, totals, folders: [], missing: ['gone'] };
  return { status: 200, body: { ...head, changes: [added], cursor: 'added.9' } };
}

describe('roost backup restore --dry-run', () => {
  it('asks for a preview, which is no job, and shows all pages of it with the totals', async () => {
    const argv = ['restore', SERVER, FIRST, '--truncate', '--path', 'world', '--keep-previous', '4', '--dry-run'];
    const ran = await roost(twoPages, argv);
    expect(asked()).toEqual([
      `POST /api/servers/${SERVER}/backups/${FIRST}/preview`,
      `GET /api/servers/${SERVER}/comparisons/${COMPARISON}?cursor=added.9&limit=1000`,
    ]);
    expect(daemon?.asked[0]?.body).toEqual({ truncate: true, paths: ['world'] });
    expect(ran.stdout.split('\n').map((line) => line.trimEnd())).toEqual([
      'added          10 B  a\\x1b[2J',
      'deleted              later/',
      '         FILES  DIRECTORIES  SIZE',
      'added    1      0            10 B',
      'changed  0      0            0 B',
      'deleted  1      0            2.0 KiB',
      'same     7      0            70 B',
      'kept     0      0            0 B',
      '',
    ]);
    expect(ran.stderr).toContain('warning: gone: is none of the backup');
    expect(ran.exitCode).toBe(3);
  });

  it('prints one object with --json', async () => {
    const ran = await roost(twoPages, ['restore', SERVER, FIRST, '--dry-run', '--json']);
    expect(ran.json()).toEqual({ id: COMPARISON, totals, folders: [], missing: ['gone'], entries: [added, deleted] });
  });
});

describe('roost backup compare', () => {
  it.each([
    [[], 'live'],
    [['live'], 'live'],
    [[SECOND], SECOND],
  ])('with %j compares with %s', async (words, other) => {
    const ran = await roost(
      () => ({ status: 200, body: { id: COMPARISON, totals, folders: [], changes: [added] } }),
      ['compare', SERVER, FIRST, ...words],
    );
    expect(asked()).toEqual([`GET /api/servers/${SERVER}/backups/${FIRST}/compare?with=${other}`]);
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('closes the object with the reason when a later page is refused', async () => {
    const ran = await roost(
      (question) =>
        question.url.includes('/comparisons/')
          ? { status: 404, body: { error: 'There is no such comparison', code: 'path_not_found' } }
          : twoPages(question),
      ['compare', SERVER, FIRST, '--json'],
    );
    expect(ran.json()).toMatchObject({ entries: [added], code: 'path_not_found' });
    expect(ran.exitCode).toBe(1);
  });
});

describe('roost backup find', () => {
  const facts = { kind: 'file', size: 5, mtime: 1_700_000_000 };
  const versions = [{ ...facts, backups: [FIRST, SECOND, FIRST, SECOND] }];

  it('searches all backups by pages, and names those that hold more', async () => {
    const ran = await roost(
      ({ url }) =>
        url.includes('cursor=')
          ? { status: 200, body: { paths: [], searched: [], cut: [FIRST] } }
          : {
              status: 200,
              body: { paths: [{ path: 'x.yml', versions }], searched: [FIRST], cut: [], cursor: 'older' },
            },
      ['find', SERVER, 'x & y'],
    );
    const path = `GET /api/servers/${SERVER}/find?q=x+%26+y`;
    expect(asked()).toEqual([path, `${path}&cursor=older`]);
    expect(ran.stdout).toMatch(
      /^2023-11-1\d \d\d:\d\d {9}5 B {2}x\.yml {2}in aaaaaaaa, aabbbbbb, aaaaaaaa and 1 more\n$/,
    );
    expect(ran.stderr).toContain(`${FIRST} has more such names`);
  });

  it('searches one backup with --backup', async () => {
    const entry = { path: 'plugins', ...facts, kind: 'directory' };
    const argv = ['find', SERVER, 'plug*', '--backup', FIRST, '--json'];
    const ran = await roost(() => ({ status: 200, body: { entries: [entry] } }), argv);
    expect(asked()).toEqual([`GET /api/servers/${SERVER}/backups/${FIRST}/find?q=plug*`]);
    expect(ran.json()).toEqual({ q: 'plug*', entries: [entry] });
  });
});

describe('roost backup history', () => {
  const attempt = {
    backup: FIRST,
    status: 'FAILED',
    code: 'no_space',
    store: 'local',
    size: 0,
    origin: { by: 'schedule' },
    createdAt: '2024-05-01T10:00:00.000Z',
    seconds: 3.4,
    goneAt: '2024-05-02T10:00:00.000Z',
  };

  it('lists attempts with who asked, the reason, and when they went', async () => {
    const ran = await roost(
      () => ({ status: 200, body: { attempts: [attempt], more: true } }),
      ['history', SERVER, '--days', '400'],
    );
    expect(asked()).toEqual([`GET /api/servers/${SERVER}/history?days=400`]);
    expect(ran.stdout).toMatch(/aaaaaaaa {2}FAILED {2}0 B .* 3 s {3}schedule {2}local {2}no_space, removed 2024-05-0/);
    expect(ran.stderr).toContain('older attempts');
  });

  it('refuses more days than are kept', async () => {
    const ran = await roost(() => ({ status: 500, body: {} }), ['history', SERVER, '--days', '401']);
    expect(ran.exitCode).toBe(2);
    expect(asked()).toEqual([]);
  });
});
