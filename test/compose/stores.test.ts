/** Stores as the config says, and as their disks have them. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log/log.ts';
import { openStores } from '../../src/compose/stores.ts';
import type { Config, LocalStoreConfig } from '../../src/config/types.ts';
import { objectKey } from '../../src/storage/key.ts';
import type { Store } from '../../src/storage/store.ts';
import { putObject } from '../contract/store.ts';
import { backupId, serverId } from '../support/catalogue-rows.ts';
import { scratchCatalogue } from '../support/scratch-catalogue.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { getObject } from '../support/store-objects.ts';

const KEY = objectKey(serverId(1), backupId(1), 'tar.gz');

test('archives of a vault whose disk comes back after a start are there, and go whole, although new ones are to be plain', async () => {
  const scratch = await scratchDirectory();
  const { catalogue } = await scratchCatalogue();
  const directory = join(scratch, 'store');
  const open = async (layout: LocalStoreConfig['layout']): Promise<Store> => {
    const vault = { shortestRange: 256, mergeAt: 10 };
    const local = { type: 'local', directory, allowInside: false, adopt: null, layout, vault } as const;
    const storage = { default: 'local', stores: { local }, copies: [] } as unknown as Config['storage'];
    const config = {
      storage,
      backups: { uploadLimit: 0 } as Config['backups'],
      limits: { reserveFree: 0 } as Config['limits'],
      stateDirectory: join(scratch, 'state'),
    };
    return (await openStores(config, catalogue, systemClock, silentLog())).default;
  };
  await mkdir(directory);
  const before = await open('vault');
  const bytes = randomBytes(10_000);
  await putObject(before, KEY, bytes);
  await before.close();
  await rename(directory, join(scratch, 'disk'));
  await mkdir(directory);
  const store = await open('plain');
  await expect(store.stat(KEY)).rejects.toMatchObject({ code: 'store_unreachable' });
  await rmdir(directory);
  await rename(join(scratch, 'disk'), directory);
  expect(await store.stat(KEY)).toEqual({ size: bytes.length });
  expect(Buffer.from(await getObject(store, KEY)).equals(bytes)).toBe(true);
  await store.remove(KEY);
  await store.freeSpace();
  expect(await readdir(directory)).not.toContain(serverId(1));
  await store.close();
});
