import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ServerId } from '../../src/base/ids.ts';
import { findLinks, openRegistry } from '../../src/servers/registry.ts';
import { failureOf } from '../support/rejection.ts';
import { scratchDirectory } from '../support/scratch.ts';

const A = 'aaaaaaaa-1111-4111-8111-111111111111' as ServerId;
const B = 'bbbbbbbb-1111-4111-8111-111111111111' as ServerId;
const C = 'cccccccc-1111-4111-8111-111111111111' as ServerId;

describe('servers under the root', () => {
  test('are the directories that a UUID names, as soon as they are there', async () => {
    const root = await scratchDirectory();
    const registry = openRegistry({ root, list: [] });
    expect(await registry.list()).toEqual([]);
    await failureOf(registry.get(A), 'server_not_found');
    await mkdir(join(root, B));
    await mkdir(join(root, A));
    expect(await registry.list()).toEqual([
      { id: A, name: 'aaaaaaaa', path: join(root, A) },
      { id: B, name: 'bbbbbbbb', path: join(root, B) },
    ]);
    expect(await registry.get(A)).toEqual({ id: A, name: 'aaaaaaaa', path: join(root, A) });
    await rm(join(root, A), { recursive: true });
    await failureOf(registry.get(A), 'server_not_found');
  });

  test('are no links, files, or directories of another name', async () => {
    const root = await scratchDirectory();
    await symlink('/', join(root, A));
    await writeFile(join(root, B), '');
    for (const name of ['.sftp', 'lost+found', A.toUpperCase(), `${A}.old`]) await mkdir(join(root, name));
    const registry = openRegistry({ root, list: [] });
    expect(await registry.list()).toEqual([]);
    await failureOf(registry.get(A), 'server_not_found');
    await failureOf(registry.get(B), 'server_not_found');
  });

  test('a root that is itself a link is the operator’s own choice', async () => {
    const real = await scratchDirectory();
    const link = join(await scratchDirectory(), 'volumes');
    await symlink(real, link);
    await mkdir(join(real, A));
    expect((await openRegistry({ root: link, list: [] }).list()).map(({ id }) => id)).toEqual([A]);
  });

  test('a root that is missing holds none, and the check says so', async () => {
    const root = join(await scratchDirectory(), 'volumes');
    const registry = openRegistry({ root, list: [] });
    expect(await registry.list()).toEqual([]);
    expect(await registry.check()).toEqual([expect.stringContaining(`root ${root} is missing`)]);
    await mkdir(root);
    expect(await registry.check()).toEqual([]);
  });

  test('a root that may not be read is an error, not an empty host', async (context) => {
    context.skip(process.getuid?.() === 0, 'root may read everything');
    const root = await scratchDirectory();
    await chmod(root, 0);
    await failureOf(openRegistry({ root, list: [] }).list(), 'internal');
  });
});

describe('a server that is added', () => {
  test('is an empty directory under the root, which is left as it is when it is there', async () => {
    const root = await scratchDirectory();
    const registry = openRegistry({ root, list: [] });
    expect(await registry.add(A)).toEqual({ id: A, name: 'aaaaaaaa', path: join(root, A) });
    await writeFile(join(root, A, 'world'), 'kept');
    expect(await registry.add(A)).toMatchObject({ path: join(root, A) });
    expect(await readFile(join(root, A, 'world'), 'utf8')).toBe('kept');
    expect(await registry.list()).toHaveLength(1);
  });

  test('is none where a link or a file has its name', async () => {
    const root = await scratchDirectory();
    const elsewhere = await scratchDirectory();
    await symlink(elsewhere, join(root, A));
    await symlink(join(elsewhere, 'missing'), join(root, B));
    await writeFile(join(root, C), '');
    const registry = openRegistry({ root, list: [] });
    for (const id of [A, B, C]) await failureOf(registry.add(id), 'server_not_found');
    expect(await readdir(elsewhere)).toEqual([]);
  });

  test('needs a root that is there; one of the list needs its own directory', async () => {
    const root = await scratchDirectory();
    await failureOf(openRegistry({ root: null, list: [] }).add(A), 'config_invalid');
    await failureOf(openRegistry({ root: join(root, 'missing'), list: [] }).add(A), 'internal');
    const registry = openRegistry({ root, list: [{ id: A, path: join(root, 'mc'), name: null }] });
    await failureOf(registry.add(A), 'server_not_found');
    expect(await readdir(root)).toEqual([]);
  });
});

describe('servers of the list', () => {
  test('have the path and name that the operator gave, links included', async () => {
    const home = await scratchDirectory();
    await mkdir(join(home, 'mc'));
    await symlink(join(home, 'mc'), join(home, 'link'));
    const registry = openRegistry({ root: null, list: [{ id: C, path: join(home, 'link'), name: 'survival' }] });
    expect(await registry.list()).toEqual([{ id: C, name: 'survival', path: join(home, 'link') }]);
    expect(await registry.get(C)).toMatchObject({ name: 'survival' });
  });

  test('come before a directory of the same id under the root', async () => {
    const root = await scratchDirectory();
    const path = await scratchDirectory();
    await mkdir(join(root, A));
    const registry = openRegistry({ root, list: [{ id: A, path, name: null }] });
    expect(await registry.list()).toEqual([{ id: A, name: 'aaaaaaaa', path }]);
    expect((await registry.get(A)).path).toBe(path);
  });

  test('whose directory is missing are not found, with a reason, and the check names them', async () => {
    const root = await scratchDirectory();
    await mkdir(join(root, A));
    const path = join(root, 'gone');
    const registry = openRegistry({ root, list: [{ id: A, path, name: 'x' }] });
    const failure = await failureOf(registry.get(A), 'server_not_found');
    expect(failure.message).toBe(`Cannot use the server x: its directory ${path} is missing`);
    expect(await registry.list()).toEqual([]);
    expect(await registry.check()).toEqual([expect.stringContaining(path)]);
  });
});

describe('the place of a server', () => {
  test('is known also while its directory is missing, under the root and in the list', async () => {
    const root = await scratchDirectory();
    const registry = openRegistry({ root, list: [{ id: B, path: join(root, 'survival'), name: 'survival' }] });
    expect(await registry.place(A)).toMatchObject({ present: false, server: { path: join(root, A) } });
    expect(await registry.place(B)).toMatchObject({ present: false, server: { path: join(root, 'survival') } });
    await mkdir(join(root, A));
    expect(await registry.place(A)).toMatchObject({ present: true });
  });

  test('is nowhere when what should hold it is gone, or something else has its name', async () => {
    const root = await scratchDirectory();
    await writeFile(join(root, A), '');
    await failureOf(openRegistry({ root, list: [] }).place(A), 'server_not_found');
    await failureOf(openRegistry({ root: join(root, 'unmounted'), list: [] }).place(A), 'server_not_found');
    await failureOf(openRegistry({ root: null, list: [] }).place(A), 'server_not_found');
  });

  test('is never behind a link, of which the failure and the list of links tell', async () => {
    const root = await scratchDirectory();
    await mkdir(join(root, C));
    await symlink(join(root, C), join(root, A));
    await symlink(join(root, 'nowhere'), join(root, B));
    const registry = openRegistry({ root, list: [] });
    for (const look of [() => registry.get(A), () => registry.place(A), () => registry.place(B)]) {
      expect(await failureOf(look(), 'server_not_found')).toMatchObject({ hint: expect.stringContaining('link') });
    }
    expect([...(await findLinks({ root, list: [] }))].sort()).toEqual([A, B]);
    expect(await findLinks({ root, list: [{ id: A, path: '/srv/mc', name: null }] })).toEqual([B]);
  });
});
