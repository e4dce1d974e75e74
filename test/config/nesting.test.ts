import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Fault, loadConfig } from '../../src/config/config.ts';
import { failureOf } from '../support/rejection.ts';
import { scratchDirectory } from '../support/scratch.ts';

const ID = '1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b';

interface Layout {
  readonly state?: string;
  readonly store?: string;
  readonly copies?: string;
  readonly root?: string;
  readonly server?: string;
  readonly allowState?: boolean;
  readonly allowStore?: boolean;
}

/** Writes a config of this layout, all paths below `home`, and loads it. */
async function load(home: string, layout: Layout): Promise<unknown> {
  const at = (name: string): string => join(home, name);
  const { state = 'state', store = 'store', copies = 'copies', allowState = false, allowStore = false } = layout;
  const local = (path: string) => ({ type: 'local', directory: at(path), allow_inside: allowStore });
  const content = {
    state_directory: at(state),
    allow_inside: allowState,
    servers: {
      ...(layout.root === undefined ? {} : { root: at(layout.root) }),
      list: layout.server === undefined ? [] : [{ id: ID, path: at(layout.server) }],
    },
    storage: { default: 'main', copies: ['second'], stores: { main: local(store), second: local(copies) } },
  };
  const file = at('config.yml');
  await writeFile(file, JSON.stringify(content), { mode: 0o600 });
  return loadConfig(file, {});
}

async function keysOf(home: string, layout: Layout): Promise<string[]> {
  const failure = await failureOf(load(home, layout), 'config_invalid');
  return (failure.facts['faults'] as readonly Fault[]).map(({ key, problem }) => `${key} ${problem}`);
}

const server = (path = 'mc'): Layout => ({ server: path });

describe('a state directory or store that lies in a server', () => {
  test.each<[string, Layout, string]>([
    ['a store', { ...server(), store: 'mc/backups' }, 'storage.stores.main.directory lies in the server'],
    ["a copy's store", { ...server(), copies: 'mc/a/b' }, 'storage.stores.second.directory lies in the server'],
    ['the state', { ...server(), state: 'mc/.roost' }, 'state_directory lies in the server'],
    ['a store that is the server', { ...server(), store: 'mc' }, 'storage.stores.main.directory lies in the server'],
    ['a server in a store', server('store/mc'), 'storage.stores.main.directory holds the server'],
    ['a server in the state', server('state/x/mc'), 'state_directory holds the server'],
    [
      'a store in the root',
      { root: 'v', store: `v/${ID}/backups` },
      `storage.stores.main.directory lies in the server ${ID}`,
    ],
    ['a store that is the root', { root: 'v', store: 'v' }, 'storage.stores.main.directory holds all servers'],
    ['the root in a store', { root: 'store/v' }, 'storage.stores.main.directory holds all servers'],
  ])('is refused: %s', async (_, layout, problem) => {
    const keys = await keysOf(await scratchDirectory(), layout);
    expect(keys).toEqual([expect.stringContaining(problem)]);
  });

  test('is refused although a symlink hides it, wherever the link stands', async () => {
    const home = await scratchDirectory();
    await mkdir(join(home, 'mc/deep'), { recursive: true });
    await symlink(join(home, 'mc'), join(home, 'link'));
    await symlink(join(home, 'mc/deep'), join(home, 'elsewhere'));
    for (const layout of [
      { server: 'link', store: 'mc/backups' },
      { server: 'mc', store: 'link/backups' },
      { server: 'mc', store: 'elsewhere/not/made/yet' },
    ]) {
      expect(await keysOf(home, layout)).toEqual([expect.stringContaining('lies in the server')]);
    }
  });

  test('is refused under a root that is a symlink', async () => {
    const home = await scratchDirectory();
    await mkdir(join(home, 'disk', ID), { recursive: true });
    await symlink(join(home, 'disk'), join(home, 'v'));
    expect(await keysOf(home, { root: 'v', state: `disk/${ID}/state` })).toEqual([
      expect.stringContaining(`state_directory lies in the server ${ID}`),
    ]);
  });

  test('all are named at once, each at its place', async () => {
    const home = await scratchDirectory();
    expect(await keysOf(home, { ...server(), state: 'mc/s', store: 'mc/b', copies: 'mc/c' })).toHaveLength(3);
  });

  test('is used where it is allowed, by its own key only', async () => {
    const home = await scratchDirectory();
    const layout = { ...server(), state: 'mc/s', store: 'mc/b' };
    await expect(load(home, { ...layout, allowState: true, allowStore: true })).resolves.toBeDefined();
    expect(await keysOf(home, { ...layout, allowState: true })).toEqual([expect.stringContaining('storage')]);
    expect(await keysOf(home, { ...layout, allowStore: true })).toEqual([expect.stringContaining('state_directory')]);
  });

  test('is fine beside servers, below the root but in none of them, or with a name that begins alike', async () => {
    const home = await scratchDirectory();
    await expect(load(home, { root: 'v', store: 'v/backups', state: 'v-state' })).resolves.toBeDefined();
    await expect(load(home, { ...server(), store: 'mc-backups' })).resolves.toBeDefined();
  });
});
