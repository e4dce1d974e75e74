import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost, type Host } from '../support/daemon.ts';
import { entry, header, tar } from '../hostile/tar-builder.ts';
import { run } from './run.ts';
import { archiveFile, storedArchive } from '../support/stored-archive.ts';

const OTHER_SERVER = '22222222-2222-4222-8222-222222222222';
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const id = (number: number): string => `aaaaaaaa-0000-4000-8000-${String(number).padStart(12, '0')}`;
const MADE_AT = new Date('2026-03-04T05:06:07Z');

interface Site extends Host {
  readonly file: string;
  /** What the other agent left. */
  readonly left: string;
}

interface Report {
  readonly adopted: readonly {
    readonly backup: string;
    readonly path: string;
    readonly state: string;
    readonly warnings: number;
  }[];
  readonly refused: readonly { readonly path: string; readonly code: string; readonly reason: string }[];
}

async function site(): Promise<Site> {
  const host = await scratchHost();
  const file = join(host.directory, 'config.yml');
  await writeFile(file, host.config, { mode: 0o600 });
  const left = join(host.directory, 'left');
  await mkdir(left);
  return { ...host, file, left };
}

/** An archive as Go's and Rust's writers make it: no index, no directories needed. */
async function leave({ directory, left }: Site, path: string, content = 'from the other agent'): Promise<string> {
  const tree = join(directory, 'tree');
  await mkdir(join(tree, 'world'), { recursive: true });
  await writeFile(join(tree, 'world', 'level.dat'), content);
  await writeFile(join(tree, 'server.properties'), 'motd=hello\n'.repeat(5000));
  const target = join(left, path);
  await mkdir(join(target, '..'), { recursive: true });
  execFileSync('tar', ['--format=ustar', '-czf', target, '-C', tree, 'server.properties', 'world/level.dat']);
  await rm(tree, { recursive: true });
  await utimes(target, MADE_AT, MADE_AT);
  return target;
}

async function adopt({ file, left }: Site, ...more: string[]): Promise<Report & { readonly exitCode: number }> {
  const ran = await run(['adopt', left, '--config', file, '--json', ...more]);
  return { exitCode: ran.exitCode, ...(ran.json() as Report) };
}

async function inode(path: string): Promise<number> {
  return (await stat(path)).ino;
}

describe('roost adopt', () => {
  test.each([
    ['Wings, Elytra and Calagopus', `${id(1)}.tar.gz`, ['--server', GAME_SERVER.toUpperCase()], id(1)],
    ['Pelican’s Wings and StellarStack', `${GAME_SERVER}/${id(1)}.tar.gz`, [], id(1)],
    ['StellarStack’s older daemon', `${GAME_SERVER}/before the update.tar.gz`, [], undefined],
  ])('takes over what %s left: it lists, verifies and restores', async (_, path, options, expected) => {
    const host = await site();
    const original = await leave(host, path);
    const { adopted, refused, exitCode } = await adopt(host, ...options);
    expect([exitCode, refused]).toEqual([0, []]);
    const [{ backup } = { backup: '' }] = adopted;
    if (expected !== undefined) expect(backup).toBe(expected);
    expect(adopted).toMatchObject([{ state: 'linked', server: GAME_SERVER, files: 2 }]);
    expect(await inode(join(host.backups, GAME_SERVER, `${backup}.tar.gz`))).toBe(await inode(original));

    const { call } = await runDaemonOn(host);
    expect((await call(BACKUPS)).body).toMatchObject([
      { id: backup, status: 'COMPLETED', createdAt: MADE_AT.toISOString(), files: 2 },
    ]);
    expect((await call(`${BACKUPS}/${backup}/verify`, { method: 'POST' })).status).toBe(200);
    const restored = await call(`${BACKUPS}/restore?id=${backup}`, { method: 'POST', body: { truncate: true } });
    expect(restored.status).toBe(200);
    expect(await readFile(join(host.server, 'world', 'level.dat'), 'utf8')).toBe('from the other agent');
    expect(await readdir(host.server)).toEqual(['server.properties', 'world']);
  });

  test('that would copy bytes leaves free what is to stay free; a second name takes no room', async () => {
    const host = await site();
    await leave(host, `${GAME_SERVER}/${id(1)}.tar.gz`);
    await writeFile(host.file, host.config.replace('reserve_free: 0', 'reserve_free: 1000TiB'));
    const ran = await run(['adopt', host.left, '--config', host.file, '--json', '--how', 'copy']);
    expect(ran.exitCode).not.toBe(0);
    expect(`${ran.stdout}${ran.stderr}`).toContain('insufficient_storage');
    expect(await readdir(join(host.backups, GAME_SERVER)).catch(() => [])).toEqual([]);
    expect((await adopt(host)).adopted).toMatchObject([{ state: 'linked' }]);
  });

  test('the name of an archive without an id becomes the backup’s, and its id stays the same each time', async () => {
    const host = await site();
    await leave(host, `${GAME_SERVER}/before the update.tar.gz`);
    const first = await adopt(host, '--dry-run');
    expect(first.adopted).toMatchObject([{ state: 'would be taken' }]);
    const second = await adopt(host);
    const third = await adopt(host);
    expect(second.adopted[0]?.backup).toBe(first.adopted[0]?.backup);
    expect(third.adopted).toMatchObject([{ state: 'known', backup: second.adopted[0]?.backup }]);
    const { call } = await runDaemonOn(host);
    expect((await call(BACKUPS)).body).toMatchObject([{ name: 'before the update' }]);
  });

  test.each([
    ['copied just now: by its newest entry', [1_700_000_000, 1_600_000_000], undefined, 1_700_000_000_000],
    ['with entries in the future: by the newest that is not', [4_000_000_000, 1_650_000_000], undefined, 1_650_000_000_000], // prettier-ignore
    ['with no date inside: by the file’s own', [0, 315_532_800], MADE_AT, MADE_AT.getTime()],
    ['older than an entry in it claims: by the file’s own', [1_790_000_000, 1], MADE_AT, MADE_AT.getTime()],
  ])('dates an archive that was %s', async (_, times, copiedAt, createdAt) => {
    const host = await site();
    const path = join(host.left, GAME_SERVER, `${id(1)}.tar.gz`);
    await mkdir(join(path, '..'));
    await writeFile(path, gzipSync(tar(...times.map((mtime, at) => entry({ name: `f${at}`, mtime }, 'x')))));
    if (copiedAt !== undefined) await utimes(path, copiedAt, copiedAt);
    expect((await adopt(host)).exitCode).toBe(0);
    const { call } = await runDaemonOn(host);
    expect((await call(BACKUPS)).body).toMatchObject([{ createdAt: new Date(createdAt).toISOString() }]);
  });

  test('says what an archive holds that no restore puts back, and sets one aside that holds nothing else', async () => {
    const host = await site();
    const leaveBytes = async (number: number, bytes: Buffer): Promise<void> => {
      await mkdir(join(host.left, GAME_SERVER), { recursive: true });
      await writeFile(join(host.left, GAME_SERVER, `${id(number)}.tar.gz`), gzipSync(bytes));
    };
    const out = entry({ name: '../out' }, 'x');
    const device = header({ name: 'null', type: '3' });
    await leaveBytes(1, tar(entry({ name: '/srv/a', mtime: 1_700_000_002 }, 'a'), out, device));
    await leaveBytes(2, tar(out, device));
    await leaveBytes(3, tar());
    const { adopted, refused } = await adopt(host);
    expect(refused).toEqual([]);
    expect(adopted.map(({ backup, warnings }) => [backup, warnings])).toEqual([[id(1), 3], [id(2), 3], [id(3), 0]]); // prettier-ignore
    const { call } = await runDaemonOn(host);
    const warningsOf = async (number: number) => {
      const { body } = await call(`${BACKUPS}/${id(number)}`);
      const { warnings, suspect } = body as {
        warnings: { code: string; path: string }[];
        suspect?: { reason: string };
      };
      return [suspect?.reason, ...(warnings ?? []).map(({ code, path }) => `${code} ${path}`)];
    };
    expect(await warningsOf(1)).toEqual([
      undefined,
      'absolute_name ',
      'hostile_entry ../out',
      'unsupported_entry null',
    ]);
    expect(await warningsOf(2)).toEqual(['empty', 'nothing_left ', 'hostile_entry ../out', 'unsupported_entry null']);
    expect(await warningsOf(3)).toEqual(['empty']);
  });

  test('a dry run leaves nothing in the store', async () => {
    const host = await site();
    await leave(host, `${GAME_SERVER}/${id(1)}.tar.gz`);
    await adopt(host, '--dry-run');
    expect((await readdir(host.backups)).filter((name) => !name.startsWith('.'))).toEqual([]);
  });

  test.each([
    ['in the middle of its gzip stream', async (path: string) => truncate(path, (await stat(path)).size - 20)],
    ['in the middle of a file', (path: string) => rezip(path, (tar) => tar.subarray(0, 2000))],
    ['before the end of its tar', (path: string) => rezip(path, (tar) => tar.subarray(0, endOfEntries(tar)))],
    ['to nothing', (path: string) => truncate(path, 0)],
    ['with a byte changed', (path: string) => change(path)],
  ])('refuses one that was cut off %s, and takes the others', async (_, harm) => {
    const host = await site();
    await harm(await leave(host, `${GAME_SERVER}/${id(1)}.tar.gz`));
    await leave(host, `${GAME_SERVER}/${id(2)}.tar.gz`);
    const { adopted, refused, exitCode } = await adopt(host);
    expect(exitCode).toBe(3);
    expect(adopted.map(({ backup }) => backup)).toEqual([id(2)]);
    expect(refused).toMatchObject([{ code: 'archive_damaged', path: expect.stringContaining(id(1)) }]);
    expect((await readdir(join(host.backups, GAME_SERVER))).filter((name) => name.includes(id(1)))).toEqual([]);
  });

  test('names what it cannot take, and why', async () => {
    const host = await site();
    const whole = await leave(host, `${id(1)}.tar.gz`);
    for (const name of [`${id(2)}.s3.tar.gz`, `${id(3)}.tar.zst`, `${id(4)}.zip`])
      await copyFile(whole, join(host.left, name));
    await mkdir(join(host.left, 'btrfs', id(5)), { recursive: true });
    await mkdir(join(host.left, GAME_SERVER));
    await writeFile(join(host.left, GAME_SERVER, `${id(6)}.tar.gz`), gunzipSync(await readFile(whole)));
    await symlink('/etc/passwd', join(host.left, GAME_SERVER, `${id(7)}.tar.gz`));
    await writeFile(join(host.left, 'notes.txt'), 'nothing of ours');
    const { adopted, refused } = await adopt(host);
    expect(adopted).toEqual([]);
    const reasons = Object.fromEntries(refused.map(({ path, reason }) => [path.slice(host.left.length + 1), reason]));
    expect(reasons).toEqual({
      [`${id(1)}.tar.gz`]: expect.stringContaining('--server'),
      [`${id(2)}.s3.tar.gz`]: expect.stringContaining('temporary'),
      [`${id(3)}.tar.zst`]: expect.stringContaining('tar.gz'),
      [`${id(4)}.zip`]: expect.stringContaining('tar.gz'),
      btrfs: expect.stringContaining('Snapshots'),
      [`${GAME_SERVER}/${id(6)}.tar.gz`]: expect.stringContaining('not gzip'),
    });
  });

  test('copies with --how copy, and moves with --how move: the old name goes last', async () => {
    const host = await site();
    const copied = await leave(host, `${GAME_SERVER}/${id(1)}.tar.gz`);
    expect((await adopt(host, '--how', 'copy')).adopted).toMatchObject([{ state: 'copied' }]);
    const ours = archiveFile(host.backups, GAME_SERVER, id(1));
    expect(await inode(ours)).not.toBe(await inode(copied));
    expect((await readFile(ours)).equals(await readFile(copied))).toBe(true);
    await rm(copied);
    const moved = await leave(host, `${GAME_SERVER}/${id(2)}.tar.gz`);
    expect((await adopt(host, '--how', 'move')).adopted).toMatchObject([{ state: 'moved' }]);
    await expect(stat(moved)).rejects.toThrow('ENOENT');
    expect(storedArchive(host.backups, GAME_SERVER, id(2)).length).toBeGreaterThan(0);
  });

  test.skipIf(!otherDisk())('copies from another disk (skipped without one)', async () => {
    const host = await site();
    const far = await mkdtemp('/dev/shm/roost-test-');
    onTestFinished(() => rm(far, { recursive: true }));
    const near = await leave(host, `${GAME_SERVER}/${id(1)}.tar.gz`);
    await mkdir(join(far, GAME_SERVER));
    await copyFile(near, join(far, GAME_SERVER, `${id(2)}.tar.gz`));
    const copied = await adopt({ ...host, left: far });
    expect(copied.adopted).toMatchObject([{ state: 'copied', backup: id(2) }]);
    await copyFile(near, join(far, GAME_SERVER, `${id(3)}.tar.gz`));
    const moved = await adopt({ ...host, left: far }, '--how', 'move');
    expect(moved.adopted.map(({ state }) => state)).toEqual(['known', 'moved']);
    expect(await readdir(join(far, GAME_SERVER))).toEqual([`${id(2)}.tar.gz`]);
    expect(storedArchive(host.backups, GAME_SERVER, id(3)).equals(await readFile(near))).toBe(true);
  });

  test('goes on where an earlier run was cut short', async () => {
    const host = await site();
    const original = await leave(host, `${GAME_SERVER}/${id(1)}.tar.gz`);
    await adopt(host);
    // As if it had been killed before the row was written, and again before the old name went.
    await rm(join(host.directory, 'state'), { recursive: true });
    await rm(join(host.backups, GAME_SERVER, `${id(1)}.json`));
    expect((await adopt(host)).adopted).toMatchObject([{ state: 'linked' }]);
    expect((await adopt(host, '--how', 'move')).adopted).toMatchObject([{ state: 'moved' }]);
    await expect(stat(original)).rejects.toThrow('ENOENT');
    expect(await readdir(join(host.backups, GAME_SERVER))).toEqual([`${id(1)}.json`, `${id(1)}.tar.gz`]);
  });

  test('refuses while a daemon runs, a store of its own, and an id that is another server’s', async () => {
    const host = await site();
    await leave(host, `${GAME_SERVER}/${id(1)}.tar.gz`);
    await leave(host, `${OTHER_SERVER}/${id(1)}.tar.gz`);
    const { adopted, refused } = await adopt(host);
    expect(adopted).toMatchObject([{ server: GAME_SERVER }]);
    expect(refused).toMatchObject([{ code: 'backup_exists', path: expect.stringContaining(OTHER_SERVER) }]);
    const own = await run(['adopt', host.backups, '--config', host.file]);
    expect([own.exitCode, own.stderr]).toEqual([1, expect.stringContaining('it is the store "local"')]);
    await runDaemonOn(host);
    const second = await run(['adopt', host.left, '--config', host.file]);
    expect([second.exitCode, second.stderr]).toEqual([1, expect.stringContaining('another Roost')]);
  });
});

/** True where /dev/shm is a file system of its own. */
function otherDisk(): boolean {
  const shared = statSync('/dev/shm', { throwIfNoEntry: false });
  return shared !== undefined && shared.dev !== statSync(tmpdir()).dev;
}

async function rezip(path: string, change: (tar: Buffer) => Buffer): Promise<void> {
  await writeFile(path, gzipSync(change(gunzipSync(await readFile(path)))));
}

/** Where the last entry's padded content ends. */
function endOfEntries(tar: Buffer): number {
  let end = tar.length;
  while (end > 512 && tar.subarray(end - 512, end).every((byte) => byte === 0)) end -= 512;
  return end;
}

async function change(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 0xff, middle);
  await writeFile(path, bytes);
}
