import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { systemFiles } from '../../../src/storage/local/files.ts';
import { isStoreLocked, LOCK_FILE } from '../../../src/storage/local/lock.ts';
import { MARKER_NAME } from '../../../src/storage/local/marker.ts';
import { nodeDigits } from '../../../src/storage/local/node.ts';
import { keysOf, putObject } from '../../contract/store.ts';
import { mountTmpfs } from '../../support/mounted.ts';
import { getObject } from '../../support/store-objects.ts';
import { failureOf } from '../../support/rejection.ts';
import { MemoryIdentity, type ScratchStore, scratchStore } from '../../support/scratch-store.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const BACKUP = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' as BackupId;
const KEY = objectKey(SERVER, BACKUP, 'tar.gz');
const FIRST = 'a'.repeat(32);
const SECOND = 'b'.repeat(32);
const HOLDER = fileURLToPath(new URL('../../support/store-holder.ts', import.meta.url));

const markerOf = async (directory: string) =>
  JSON.parse(await readFile(join(directory, MARKER_NAME), 'utf8')) as { id: string; node?: string };

const remembering = (id: string): MemoryIdentity => Object.assign(new MemoryIdentity(), { id });

/** A store of the first node with one object, whose daemon has stopped. */
async function leftStore(): Promise<ScratchStore> {
  const scratch = await scratchStore({ node: FIRST });
  await putObject(scratch.store, KEY, Buffer.from('precious'));
  await scratch.store.close();
  return scratch;
}

/** Marked as 0.1.0 marked it: without a node. */
async function unstamp(directory: string): Promise<void> {
  const { id } = await markerOf(directory);
  await writeFile(join(directory, MARKER_NAME), `${JSON.stringify({ format: 'roost-store', version: 1, id })}\n`);
}

describe('whose a store is', () => {
  test('the marker names the node beside the id', async () => {
    const { directory, identity } = await scratchStore({ node: FIRST });
    expect(await markerOf(directory)).toEqual({ format: 'roost-store', version: 1, id: identity.id, node: FIRST });
  });

  test('a second node is refused, is told what to do, and changes nothing', async () => {
    const { directory, identity } = await leftStore();
    const before = await readFile(join(directory, MARKER_NAME), 'utf8');
    const second = await scratchStore({ directory, node: SECOND });
    expect(second.fault?.message).toBe(
      `Cannot use the store ${directory}: it belongs to another node (${identity.id ?? ''})`,
    );
    expect(second.fault?.hint).toContain(`"adopt: ${identity.id ?? ''}" in storage.stores.local`);
    expect(second.swept).toEqual([]);
    for (const call of [
      () => second.store.create(KEY),
      () => second.store.remove(KEY),
      () => keysOf(second.store),
      () => second.store.sweep(() => true),
    ]) {
      await failureOf(call(), 'store_unreachable');
    }
    expect(second.identity.id).toBeUndefined();
    expect(await readFile(join(directory, MARKER_NAME), 'utf8')).toBe(before);
  });

  test('a node that lost its state has its store again', async () => {
    const { directory, identity } = await leftStore();
    const again = await scratchStore({ directory, node: FIRST });
    expect(again.fault).toBeNull();
    expect(again.identity.id).toBe(identity.id);
    expect(await keysOf(again.store)).toEqual([KEY]);
  });

  test('a node whose host was renamed, or whose state was moved, goes on, and the marker follows', async () => {
    const { directory, identity } = await leftStore();
    expect((await scratchStore({ directory, identity, node: SECOND })).fault).toBeNull();
    expect(await markerOf(directory)).toMatchObject({ id: identity.id, node: SECOND });
  });

  test('a marker of 0.1.0 gets its node at the first start of the node that remembers it', async () => {
    const { directory, identity } = await leftStore();
    await unstamp(directory);
    expect((await scratchStore({ directory, identity, node: FIRST })).fault).toBeNull();
    expect(await markerOf(directory)).toMatchObject({ id: identity.id, node: FIRST });
  });

  test('a marker of 0.1.0 that a node does not remember is not its own', async () => {
    const { directory } = await leftStore();
    await unstamp(directory);
    expect((await scratchStore({ directory, node: FIRST })).fault?.message).toContain('belongs to another node');
    expect(await markerOf(directory)).not.toHaveProperty('node');
  });

  test.each([
    ['a number', { node: 7 }],
    ['half a node', { node: 'aaaa' }],
    ['a path', { node: '../../../../etc/passwd' }],
    ['null', { node: null }],
    ['no id', { id: 'x', node: FIRST }],
  ])('a marker that lies (%s) is refused as damaged', async (_, lie) => {
    const { directory, identity } = await leftStore();
    await writeFile(join(directory, MARKER_NAME), JSON.stringify({ ...(await markerOf(directory)), ...lie }));
    expect((await scratchStore({ directory, identity, node: FIRST })).fault?.message).toContain('is damaged');
    expect((await scratchStore({ directory, node: FIRST })).fault?.message).toContain('is damaged');
  });

  test('digits differ by state directory', () => {
    expect(nodeDigits('/var/lib/roost')).toMatch(/^[0-9a-f]{32}$/);
    expect(nodeDigits('/var/lib/roost')).toBe(nodeDigits('/var/lib/roost'));
    expect(nodeDigits('/var/lib/roost')).not.toBe(nodeDigits('/var/lib/roost2'));
  });
});

describe('adopt', () => {
  test('takes a store over, and the node from before can use it no more', async () => {
    const { directory, identity } = await leftStore();
    const taker = await scratchStore({ directory, node: SECOND, adopt: identity.id });
    expect(taker.fault).toBeNull();
    expect(Buffer.from(await getObject(taker.store, KEY)).toString()).toBe('precious');
    expect(await markerOf(directory)).toMatchObject({ id: taker.identity.id, node: SECOND });
    expect(taker.identity.id).not.toBe(identity.id);
    await taker.store.close();
    const former = await scratchStore({ directory, identity, node: FIRST });
    expect(former.fault?.message).toContain('it is marked as another store');
    expect(former.fault?.hint).toContain(`adopt: ${taker.identity.id ?? ''}`);
    // The key may stay in the config.
    const again = await scratchStore({ directory, identity: taker.identity, node: SECOND, adopt: identity.id });
    expect(again.fault).toBeNull();
  });

  test('of another id changes nothing', async () => {
    const { directory } = await leftStore();
    const { fault } = await scratchStore({ directory, node: SECOND, adopt: '00000000-0000-4000-8000-000000000000' });
    expect(fault?.message).toContain('belongs to another node');
  });

  test('takes nothing from a node that runs', async () => {
    const { directory, identity, store } = await scratchStore({ node: FIRST });
    const taker = await scratchStore({ directory, node: SECOND, adopt: identity.id });
    expect(taker.fault?.message).toBe(`Cannot use the store ${directory}: another Roost uses it now`);
    expect((await markerOf(directory)).id).toBe(identity.id);
    await putObject(store, KEY, Buffer.from('x'));
    await store.close();
    await taker.store.check();
    expect(await markerOf(directory)).toMatchObject({ node: SECOND });
  });

  test('a disk that is away while a taking-over is open is not marked anew', async () => {
    const { directory, identity } = await leftStore();
    const files = { ...systemFiles, rename: () => Promise.reject(new Error('cut off')) };
    const cut = await scratchStore({ directory, node: SECOND, adopt: identity.id, files });
    expect(cut.fault).not.toBeNull();
    expect(cut.identity.id).toMatch(/^wanted /);
    await cut.store.close();
    await rename(directory, `${directory}-away`);
    await mkdir(directory);
    const away = await scratchStore({ directory, identity: cut.identity, node: SECOND, adopt: identity.id });
    expect(away.fault?.message).toContain('its marker is missing');
    expect(await readdir(directory)).toEqual([]);
  });

  test('a node goes back to the store that it had when it gives a taking-over up', async () => {
    const { directory, identity } = await leftStore();
    const own = identity.id ?? '';
    const back = remembering(`wanted 00000000-0000-4000-8000-000000000000 ${own}`);
    expect((await scratchStore({ directory, identity: back, node: FIRST })).fault).toBeNull();
    expect(back.id).toBe(own);
  });
});

describe('the lock of a store', () => {
  test('refuses a second process, also one with the same state, and no writer of the first is hurt', async () => {
    const { directory, identity, store } = await scratchStore({ node: FIRST });
    const writer = await store.create(KEY);
    await writer.write(Buffer.from('half'));
    const copy = await scratchStore({ directory, identity: remembering(identity.id ?? ''), node: FIRST });
    expect(copy.fault).toMatchObject({
      message: `Cannot use the store ${directory}: another Roost uses it now`,
      retry: true,
    });
    expect(copy.swept).toEqual([]);
    await failureOf(copy.store.remove(KEY), 'store_unreachable');
    await writer.commit();
    expect(await keysOf(store)).toEqual([KEY]);
  });

  test('goes with the process that held it, however that ended', async () => {
    const directory = join(await scratchDirectory(), 'store');
    const holder = await held(directory);
    expect(await isStoreLocked(directory)).toBe(true);
    const { fault, store } = await scratchStore({ directory, node: FIRST });
    expect(fault?.message).toContain('another Roost uses it now');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(await isStoreLocked(directory)).toBe(false);
    // Without a restart, at the next use.
    await putObject(store, KEY, Buffer.from('x'));
  });

  test('a look at it makes no file, and keeps no daemon from starting', async () => {
    const directory = await scratchDirectory();
    expect(await isStoreLocked(directory)).toBe(false);
    expect(await readdir(directory)).toEqual([]);
    const { directory: used, identity } = await leftStore();
    const looks = Array.from({ length: 20 }, () => isStoreLocked(used));
    const { fault } = await scratchStore({ directory: used, identity, node: FIRST });
    expect(fault).toBeNull();
    await Promise.all(looks);
  });

  test('is taken again when its file was removed, or the disk was mounted again', async () => {
    const { directory, store } = await scratchStore({ node: FIRST });
    await rm(join(directory, LOCK_FILE));
    await store.check();
    expect(await isStoreLocked(directory)).toBe(true);
  });

  test('that is a link or a directory is refused', async () => {
    const { directory, identity } = await leftStore();
    await rm(join(directory, LOCK_FILE));
    const victim = join(directory, '..', 'victim');
    await symlink(victim, join(directory, LOCK_FILE));
    expect((await scratchStore({ directory, identity, node: FIRST })).fault).not.toBeNull();
    expect(await readdir(join(directory, '..'))).not.toContain('victim');
    await rm(join(directory, LOCK_FILE));
    await mkdir(join(directory, LOCK_FILE));
    expect((await scratchStore({ directory, identity, node: FIRST })).fault).not.toBeNull();
  });

  test('lets its disk be remounted read-only, and still holds', async (context) => {
    const disk = await scratchDirectory();
    mountTmpfs(context, disk);
    const directory = join(disk, 'store');
    const { store } = await scratchStore({ directory, node: FIRST });
    await putObject(store, KEY, Buffer.from('x'));
    execFileSync('mount', ['-o', 'remount,ro', disk], { stdio: 'pipe' });
    expect(await isStoreLocked(directory)).toBe(true);
    expect(await getObject(store, KEY)).toEqual(Buffer.from('x'));
  });

  test('is not put into a bare mount point', async () => {
    const { directory, identity } = await leftStore();
    await rename(directory, `${directory}-away`);
    await mkdir(directory);
    expect((await scratchStore({ directory, identity, node: FIRST })).fault).not.toBeNull();
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('a store that cannot be written', () => {
  test.skipIf(process.getuid?.() === 0)(
    'is said to be so, and its marker of 0.1.0 stays (skipped for root)',
    async () => {
      const { directory, identity } = await leftStore();
      await unstamp(directory);
      await chmod(directory, 0o500);
      onTestFinished(() => chmod(directory, 0o700));
      const { fault, store } = await scratchStore({ directory, identity, node: FIRST });
      expect(fault).toMatchObject({ code: 'store_unreachable' });
      expect(await markerOf(directory)).not.toHaveProperty('node');
      // What lies in it can be read.
      expect(Buffer.from(await getObject(store, KEY)).toString()).toBe('precious');
    },
  );

  test('fails to take a marker, and is neither remembered nor taken over', async () => {
    const { directory, identity } = await leftStore();
    await unstamp(directory);
    const files = {
      ...systemFiles,
      rename: () => Promise.reject(Object.assign(new Error('EROFS'), { code: 'EROFS', errno: -30 })),
    };
    const { fault, store } = await scratchStore({ directory, identity, node: FIRST, files });
    expect(fault).toMatchObject({ code: 'store_unreachable', message: expect.stringContaining('EROFS') as string });
    expect(Buffer.from(await getObject(store, KEY)).toString()).toBe('precious');
  });
});

describe('a kill between the writes of a marking', () => {
  test('after the first marker, before its id is remembered: the next start has it', async () => {
    const directory = join(await scratchDirectory(), 'store');
    expect(run(directory, { stopAt: 'unsaved' })).toEqual({ signal: 'SIGKILL', lines: [] });
    const { id } = await markerOf(directory);
    const next = await scratchStore({ directory, node: FIRST });
    expect(next.fault).toBeNull();
    expect(next.identity.id).toBe(id);
  });

  test('before the marker of a taking-over: it is begun again', async () => {
    const { directory, identity } = await leftStore();
    const { signal, lines } = run(directory, { node: SECOND, adopt: identity.id ?? '', stopAt: 'saved' });
    expect(signal).toBe('SIGKILL');
    expect(lines).toEqual([expect.stringMatching(/^wanted [0-9a-f-]{36}$/)]);
    expect((await markerOf(directory)).id).toBe(identity.id);
    const memory = remembering(lines[0] ?? '');
    expect((await scratchStore({ directory, identity: memory, node: SECOND })).fault?.message).toContain(
      'another node',
    );
    const next = await scratchStore({ directory, identity: memory, node: SECOND, adopt: identity.id });
    expect(next.fault).toBeNull();
    expect((await markerOf(directory)).id).toBe(next.identity.id);
  });

  test('after the marker of a taking-over, before its id is remembered: it is ended, with and without adopt', async () => {
    const { directory, identity } = await leftStore();
    const { signal, lines } = run(directory, { node: SECOND, adopt: identity.id ?? '', stopAt: 'unsaved-end' });
    expect(signal).toBe('SIGKILL');
    const wanted = (lines[0] ?? '').slice('wanted '.length);
    expect((await markerOf(directory)).id).toBe(wanted);
    const next = await scratchStore({ directory, identity: remembering(lines[0] ?? ''), node: SECOND });
    expect(next.fault).toBeNull();
    expect(next.identity.id).toBe(wanted);
  });
});

interface Holding {
  readonly node?: string;
  readonly adopt?: string;
  readonly stopAt?: string;
}

function programOf(directory: string, { node = FIRST, adopt = '', stopAt = '' }: Holding): string[] {
  return [HOLDER, directory, node, '', adopt, stopAt];
}

/** Opens a store in a process that ends at once, and what it remembered. */
function run(directory: string, holding: Holding): { signal: string | null; lines: string[] } {
  const { signal, stdout } = spawnSync(process.execPath, programOf(directory, holding), { input: '', timeout: 20_000 });
  return { signal, lines: stdout.toString().split('\n').filter(Boolean) };
}

async function held(directory: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, programOf(directory, {}), { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let told = '';
  for await (const chunk of child.stdout) {
    told += String(chunk);
    if (told.includes('held')) break;
  }
  return child;
}
