/** A store that goes away while a backup is made, and what becomes of the bytes that nobody could take back then. */
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { newJobId } from '../../../src/base/ids.ts';
import { silentLog } from '../../../src/base/log/log.ts';
import { FailedBackupSweep } from '../../../src/jobs/backup/failed-backup-sweep.ts';
import { StoreSet } from '../../../src/jobs/stored/stores.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { FaultPoints } from '../../support/fault-points.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { backUp, backupId, outcome, scratchCatalogue, SERVER, testNode, type TestNode } from '../../support/node.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { scratchStore } from '../../support/scratch-store.ts';

const ID = backupId(1);

/** A node whose store is unplugged when the manifest is to be written: archive and index are there already. */
async function unplugged(): Promise<TestNode> {
  const memory = new MemoryStore();
  const points = new FaultPoints();
  points.at = (_, when) => {
    if (when === 'before' && points.names.at(-1) === `create ${objectKey(SERVER, ID, 'json')}`) {
      memory.reachable = false;
    }
  };
  const node = await testNode({ store: points.store(memory) });
  expect(await outcome(await node.service.create({ server: SERVER, id: ID }))).toBe('store_unreachable');
  expect(node.catalogue.backups.get(ID).status).toBe('FAILED');
  expect([...memory.objects.keys()].sort()).toEqual([objectKey(SERVER, ID, 'index'), objectKey(SERVER, ID, 'tar.gz')]);
  return { ...node, memory };
}

describe('what a failed backup could not take back', () => {
  test('is removed once its store is there again', async () => {
    const { failedBackups, memory } = await unplugged();
    await failedBackups.sweep();
    expect(memory.objects.size).toBe(2);
    memory.reachable = true;
    await failedBackups.sweep();
    expect(memory.objects.size).toBe(0);
  });

  test('is removed by another start, too', async () => {
    const { catalogue, memory } = await unplugged();
    memory.reachable = true;
    const next = await testNode({ store: memory, catalogue });
    await next.recover();
    await next.failedBackups.sweep();
    expect(memory.objects.size).toBe(0);
  });

  test('is also what a run left that was killed before its store went away', async () => {
    const node = await testNode();
    const job = { id: newJobId(), kind: 'backup' as const, server: SERVER, backup: ID, request: {} };
    const key = objectKey(SERVER, ID, 'tar.gz');
    node.catalogue.backups.insert({
      id: ID,
      server: SERVER,
      name: 'x',
      locked: false,
      ignore: [],
      store: 'memory',
      key,
    });
    node.catalogue.jobs.insert(job);
    node.catalogue.jobs.start(job.id, 'sealing');
    node.memory.objects.set(key, new Uint8Array(10));
    await node.failedBackups.sweep();
    node.memory.reachable = false;
    await node.recover();
    expect(node.catalogue.backups.get(ID).status).toBe('FAILED');
    node.memory.reachable = true;
    await node.failedBackups.sweep();
    expect(node.memory.objects.size).toBe(0);
  });

  test('is all that is removed: completed backups, those being made and what no row knows stay', async () => {
    const node = await testNode();
    await backUp(node, SERVER, backupId(2));
    const key = objectKey(SERVER, backupId(3), 'tar.gz');
    const made = { id: backupId(3), server: SERVER, name: 'x', locked: false, ignore: [], store: 'memory', key };
    node.catalogue.backups.insert(made);
    node.memory.objects.set(key, new Uint8Array(10));
    node.memory.objects.set(objectKey(SERVER, backupId(4), 'json'), new Uint8Array(10));
    const before = [...node.memory.objects.keys()];
    await node.failedBackups.sweep();
    expect([...node.memory.objects.keys()]).toEqual(before);
  });

  test('of a backup in another store of the same name as its key stays', async () => {
    const { catalogue } = await unplugged();
    const other = new MemoryStore('other');
    other.objects.set(objectKey(SERVER, ID, 'tar.gz'), new Uint8Array(10));
    const stores = new StoreSet([other], 'other');
    await new FailedBackupSweep({ catalogue, stores, log: silentLog() }).sweep();
    expect(other.objects.size).toBe(1);
  });

  test('is not looked for again and again', async () => {
    const node = await testNode();
    await node.failedBackups.sweep();
    node.memory.reachable = false;
    let listed = 0;
    const list = node.memory.list.bind(node.memory);
    node.memory.list = (prefix) => {
      listed++;
      return list(prefix);
    };
    await node.failedBackups.sweep();
    expect(listed).toBe(0);
    node.failedBackups.markDue('memory');
    await node.failedBackups.sweep();
    await node.failedBackups.sweep();
    expect(listed).toBe(2);
  });
});

test('half-written files of a killed run go once the disk that they lie on is mounted again', async () => {
  const directory = await scratchDirectory();
  const [marker, away] = [join(directory, '.roost-store'), join(await scratchDirectory(), 'marker')];
  const { store: killed, identity } = await scratchStore({ directory });
  const writer = await killed.create(objectKey(SERVER, ID, 'tar.gz'));
  onTestFinished(() => writer.abort());
  await writer.write(Buffer.from('half of it'));
  await rename(marker, away);
  const { store, fault } = await scratchStore({ directory, identity });
  expect(fault?.code).toBe('store_unreachable');
  const failedBackups = new FailedBackupSweep({
    catalogue: await scratchCatalogue(),
    stores: new StoreSet([store], 'local'),
    log: silentLog(),
  });
  await failedBackups.sweep();
  expect(await readdir(directory)).toEqual([SERVER]);
  await rename(away, marker);
  await failedBackups.sweep();
  expect(await readdir(join(directory, SERVER)).catch(() => [])).toEqual([]);
});
