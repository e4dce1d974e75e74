/** Copies in further stores: their own status, never the backup's. */
import { onTestFinished, describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { silentLog } from '../../../src/base/log/log.ts';
import { CopyQueue } from '../../../src/jobs/copy/copies.ts';
import { requestVerification } from '../../../src/jobs/verify/request.ts';
import { readManifest } from '../../../src/jobs/stored/manifests.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { keysOf } from '../../contract/store.ts';
import { dataOf } from '../../support/events.ts';
import { getObject } from '../../support/store-objects.ts';
import { LyingStore } from '../../support/lying-store.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { backUp, backupId, gate, type NodeOptions, outcome, SERVER, testNode } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';

const ID = backupId(1);

async function nodeWithCopies(options: NodeOptions = {}) {
  const local = new MemoryStore('local');
  const remote = new MemoryStore('offsite');
  const [near, offsite] = [new LyingStore(local), new LyingStore(remote)];
  const made = await testNode({ stores: [near, offsite], ...options });
  /** What the queue began. */
  const verified: Promise<unknown>[] = [];
  const verifyAgain = async (server: ServerId, backup: BackupId): Promise<void> => {
    const { ended } = await made.service.verify(server, backup, 'verification');
    verified.push(ended);
  };
  const node = { ...made, verifyAgain, verified };
  const lane = (): CopyQueue => {
    const config = { ...node.config, storage: { copies: ['offsite'] } };
    const made = new CopyQueue({ ...node, config, log: silentLog(), verifyAgain: node.verifyAgain });
    onTestFinished(() => made.close());
    made.start();
    return made;
  };
  const copies = (backup: BackupId = ID) =>
    node.catalogue.copies.list({ backup }).map(({ store, state, error }) => ({ store, state, code: error?.code }));
  return { ...node, local, remote, near, offsite, lane, copies };
}

const COPIED = [{ store: 'offsite', state: 'completed', code: undefined }];

describe('a copy', () => {
  test('has the same objects as the backup, and a manifest from which the backup is known again', async () => {
    const node = await nodeWithCopies();
    const lane = node.lane();
    await backUp(node, SERVER, ID);
    await lane.settled();
    expect(node.copies()).toEqual(COPIED);
    expect(dataOf(node.told, 'copy.changed')).toEqual([{ store: 'offsite', state: 'completed' }]);
    expect(await keysOf(node.remote)).toEqual(await keysOf(node.local));
    for (const kind of ['tar.gz', 'index'] as const) {
      const key = objectKey(SERVER, ID, kind);
      expect(Buffer.from(await getObject(node.remote, key)).equals(await getObject(node.local, key))).toBe(true);
    }
    const known = await readManifest(node.remote, { server: SERVER, id: ID });
    expect(known).toEqual({ ...node.catalogue.backups.get(ID), store: 'offsite' });
  });

  test.each([
    [
      'is away',
      (remote: MemoryStore): void => {
        remote.reachable = false;
      },
      'store_unreachable',
    ],
    [
      'is full',
      (remote: MemoryStore): void => {
        remote.capacity = 10;
      },
      'insufficient_storage',
    ],
  ] as const)('fails by itself when its store %s: the backup stays, and it is tried again', async (_, harm, code) => {
    const node = await nodeWithCopies();
    harm(node.remote);
    const lane = node.lane();
    await backUp(node, SERVER, ID);
    await lane.settled();
    expect(node.catalogue.backups.get(ID).status).toBe('COMPLETED');
    expect(node.copies()).toEqual([{ store: 'offsite', state: 'failed', code }]);
    expect(node.remote.unfinished.size).toBe(0);
    node.remote.reachable = true;
    node.remote.capacity = Number.MAX_SAFE_INTEGER;
    lane.retry();
    await lane.settled();
    expect(node.copies()).toEqual(COPIED);
    const changes = dataOf(node.told, 'copy.changed');
    expect(changes.map(({ state, error }) => [state, error?.code])).toEqual([
      ['failed', code],
      ['completed', undefined],
    ]);
  });

  test('leaves free in its store what is to stay free', async () => {
    const node = await nodeWithCopies({ limits: { reserveFree: 5000 } });
    await backUp(node, SERVER, ID);
    node.remote.capacity = 5010;
    const lane = node.lane();
    await lane.settled();
    expect(node.copies()).toEqual([{ store: 'offsite', state: 'failed', code: 'insufficient_storage' }]);
    expect([await keysOf(node.remote), node.remote.unfinished.size]).toEqual([[], 0]);
    node.remote.capacity = 50_000;
    lane.retry();
    await lane.settled();
    expect(node.copies()).toEqual(COPIED);
  });

  test('of bytes that are not those of the backup is none', async () => {
    const node = await nodeWithCopies();
    await backUp(node, SERVER, ID);
    node.near.lies.flipAt = 3;
    const lane = node.lane();
    await lane.settled();
    expect(node.copies()).toEqual([{ store: 'offsite', state: 'failed', code: 'archive_damaged' }]);
    expect(await keysOf(node.remote)).toEqual([]);
  });

  test('that meets damage of its original has that verified, and is tried again once it was found whole', async () => {
    const node = await nodeWithCopies();
    await backUp(node, SERVER, ID);
    let isRead = false;
    const opening = node.near.open.bind(node.near);
    node.near.open = (key) => {
      isRead ||= key.endsWith('.tar.gz');
      return opening(key);
    };
    node.near.lies.flipAt = 3;
    const lane = node.lane();
    await lane.settled();
    await Promise.allSettled(node.verified);
    expect(node.verified).toHaveLength(1);
    expect(node.catalogue.backups.get(ID).damagedAt).not.toBeNull();
    isRead = false;
    lane.retry();
    await lane.settled();
    expect([isRead, node.verified.length]).toEqual([false, 1]);
    expect(node.copies()).toEqual([{ store: 'offsite', state: 'failed', code: 'archive_damaged' }]);
    delete node.near.lies.flipAt;
    await (
      await node.service.verify(SERVER, ID)
    ).ended;
    lane.retry();
    await lane.settled();
    expect(node.copies()).toEqual(COPIED);
  });

  test('that was not made before a restart is made after it', async () => {
    const node = await nodeWithCopies();
    await backUp(node, SERVER, ID);
    expect(node.copies()).toEqual([]);
    await node.lane().settled();
    expect(node.copies()).toEqual(COPIED);
  });

  test('that a stop cut off is made again by the next start, without what is there already', async () => {
    const node = await nodeWithCopies();
    await backUp(node, SERVER, ID);
    const { reached, open, pass } = gate();
    node.offsite.lies.beforeCommit = (key) => (key.endsWith('.index') ? pass() : Promise.resolve());
    const lane = node.lane();
    await reached;
    const closing = lane.close();
    node.offsite.lies.failCommit = new Failure('cancelled', 'Cannot store: it was cancelled');
    open();
    await closing;
    expect(node.copies()).toMatchObject([{ state: 'pending' }]);
    delete node.offsite.lies.failCommit;
    const written: string[] = [];
    node.offsite.lies.beforeCommit = async (key) => void written.push(key);
    await node.lane().settled();
    expect(written).toEqual([objectKey(SERVER, ID, 'index'), objectKey(SERVER, ID, 'json')]);
    expect(node.copies()).toEqual(COPIED);
  });

  test('follows the lock of its backup', async () => {
    const node = await nodeWithCopies();
    const lane = node.lane();
    await backUp(node, SERVER, ID);
    await lane.settled();
    await node.service.setLocked(SERVER, ID, true);
    await lane.settled();
    expect((await readManifest(node.remote, { server: SERVER, id: ID }))?.locked).toBe(true);
    expect(node.copies()).toEqual(COPIED);
  });

  test('goes before its backup does, also while it is being made', async () => {
    const node = await nodeWithCopies();
    await backUp(node, SERVER, ID);
    const { reached, open, pass } = gate();
    node.offsite.lies.beforeCommit = pass;
    const lane = node.lane();
    await reached;
    const removing = lane.remove(node.catalogue.backups.get(ID));
    open();
    await removing;
    expect(await keysOf(node.remote)).toEqual([]);
    await lane.settled();
    expect(await keysOf(node.remote)).toEqual([]);
    node.catalogue.backups.delete(ID);
    expect(node.copies()).toEqual([]);
  });

  /** A node with a copy, whose removal has failed once. */
  async function nodeWithFailedRemoval() {
    const node = await nodeWithCopies();
    const lane = node.lane();
    await backUp(node, SERVER, ID);
    await lane.settled();
    node.offsite.lies.failRemove = new Failure('store_unreachable', 'Cannot remove: the store is away');
    await expect(lane.remove(node.catalogue.backups.get(ID))).rejects.toThrow('away');
    return { node, lane };
  }

  test('that cannot be removed keeps its row, and is never taken for complete', async () => {
    const { node } = await nodeWithFailedRemoval();
    expect(node.copies()).toMatchObject([{ state: 'pending' }]);
  });

  test('of a backup whose deletion failed is made again, for the backup stays', async () => {
    const { node, lane } = await nodeWithFailedRemoval();
    delete node.offsite.lies.failRemove;
    lane.retry();
    await lane.settled();
    expect(node.copies()).toEqual(COPIED);
  });

  test('is not made of a backup of which part may be gone', async () => {
    const node = await nodeWithCopies();
    const lane = node.lane();
    await backUp(node, SERVER, ID);
    await lane.settled();
    await lane.remove(node.catalogue.backups.get(ID));
    node.catalogue.backups.markRemoving(ID);
    const next = node.lane();
    await next.settled();
    expect(await keysOf(node.remote)).toEqual([]);
    expect(node.copies()).toMatchObject([{ state: 'pending' }]);
  });
});

describe('a copy that was found damaged', () => {
  const ARCHIVE = objectKey(SERVER, ID, 'tar.gz');

  /** A node whose copy has one byte turned over, and a queue that is told of findings as the daemon tells it. */
  async function nodeWithDamage() {
    const told: { lane?: CopyQueue } = {};
    const node = await nodeWithCopies({ onDamagedCopy: () => queueMicrotask(() => told.lane?.retry()) });
    told.lane = node.lane();
    await backUp(node, SERVER, ID);
    await told.lane.settled();
    const whole = Buffer.from(node.remote.objects.get(ARCHIVE) ?? []);
    node.remote.objects.get(ARCHIVE)?.fill(0x55, 7, 9);
    const { lane } = told;
    /** Reads the copy as the schedule does, and waits for what follows. */
    const verifyCopy = async (): Promise<void> => {
      await outcome(requestVerification({ server: SERVER, backup: ID, copy: 'offsite' }, node));
      await lane.settled();
    };
    const copy = () => node.catalogue.copies.find(ID, 'offsite');
    return { ...node, whole, laneNow: lane, verifyCopy, copy };
  }

  test('is made anew from its original, and counts again once it is written', async () => {
    const node = await nodeWithDamage();
    const whileWriting: unknown[] = [];
    node.offsite.lies.beforeCommit = async (key) => {
      if (key !== ARCHIVE) return;
      // What is there stays until the new one takes its place.
      whileWriting.push(node.remote.objects.get(ARCHIVE)?.byteLength, node.copy()?.damagedAt);
    };
    await node.verifyCopy();
    expect(whileWriting).toEqual([node.whole.byteLength, node.clock.now()]);
    expect(node.whole.equals(node.remote.objects.get(ARCHIVE) ?? Buffer.of())).toBe(true);
    expect(node.copy()).toMatchObject({ state: 'completed', damagedAt: null, error: null });
    expect((await readManifest(node.remote, { server: SERVER, id: ID }))?.damagedAt).toBeNull();
    const changes = dataOf(node.told, 'copy.changed');
    expect(changes.map(({ state, error }) => [state, error?.code])).toEqual([
      ['completed', undefined],
      ['failed', 'archive_damaged'],
      ['completed', undefined],
    ]);
  });

  test('is made anew after a restart that came before, though its length is right', async () => {
    const node = await nodeWithDamage();
    await node.laneNow.close();
    await node.verifyCopy();
    expect(node.copy()?.damagedAt).toBe(node.clock.now());
    await node.lane().settled();
    expect(node.whole.equals(node.remote.objects.get(ARCHIVE) ?? Buffer.of())).toBe(true);
    expect(node.copies()).toEqual(COPIED);
  });

  test('stays what it is while its original is damaged, too', async () => {
    const node = await nodeWithDamage();
    const original = Buffer.from(node.local.objects.get(ARCHIVE) ?? []);
    node.local.objects.get(ARCHIVE)?.fill(0x55, 7, 9);
    await node.verifyCopy();
    await Promise.allSettled(node.verified);
    expect(node.remote.objects.get(ARCHIVE)).toHaveLength(original.byteLength);
    expect(node.copy()).toMatchObject({ state: 'failed', damagedAt: node.clock.now() });
    expect(node.remote.unfinished.size).toBe(0);
    node.local.objects.set(ARCHIVE, original);
    await (
      await node.service.verify(SERVER, ID)
    ).ended;
    await node.laneNow.settled();
    expect(node.whole.equals(node.remote.objects.get(ARCHIVE) ?? Buffer.of())).toBe(true);
    expect(node.copies()).toEqual(COPIED);
  });

  test('does not keep a restore of the backup waiting while it is read, but a deletion of the backup', async () => {
    const node = await nodeWithDamage();
    const reading = gate();
    node.archive.beforeVerify = reading.pass;
    const verifying = requestVerification({ server: SERVER, backup: ID, copy: 'offsite' }, node);
    await reading.reached;
    expect(await outcome(await node.service.restore({ server: SERVER, backup: ID, truncate: false }))).toBe('done');
    await failureOf(node.service.remove(SERVER, ID), 'server_busy');
    reading.open();
    expect(await outcome(verifying)).toBe('archive_damaged');
    await node.laneNow.settled();
  });
});
