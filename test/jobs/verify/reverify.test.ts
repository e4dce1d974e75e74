import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { readManifest } from '../../../src/jobs/stored/manifests.ts';
import { Reverify } from '../../../src/jobs/verify/reverify.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { backUp, gate, type NodeOptions, SERVER, serverId, testNode } from '../../support/node.ts';
import { dataOf } from '../../support/events.ts';

const DAY = 86_400_000;

async function verifyingNode(everyDays = 30, options: NodeOptions = {}) {
  const node = await testNode(options);
  const reverify = new Reverify({ ...node, config: { verification: { everyDays } } });
  const settled = async (): Promise<void> => {
    while (node.runner.open().length > 0) await new Promise(setImmediate);
  };
  const tick = async (): Promise<void> => {
    await reverify.tick();
    await settled();
  };
  const verdicts = () => dataOf(node.told, 'backup.verified').map(({ ok }) => ok);
  return { ...node, reverify, tick, settled, verdicts };
}

describe('verifying by itself', () => {
  test('an idle node begins before the days are over, one at a time, the longest ago first', async () => {
    const node = await verifyingNode();
    const old = await backUp(node);
    node.clock.advance(DAY);
    await backUp(node, serverId(2));
    node.clock.advance(23 * DAY);
    await node.tick();
    expect(node.verdicts()).toEqual([]);
    node.clock.advance(2 * DAY);
    await node.reverify.tick();
    expect(node.runner.open().map(({ record }) => record.backup)).toEqual([old]);
    await node.reverify.tick();
    expect(node.runner.open()).toHaveLength(1);
    await node.settled();
    await node.tick();
    await node.tick();
    expect(node.verdicts()).toEqual([true, true]);
  });

  test('a busy node waits until the days are over, and then goes on all the same', async () => {
    const node = await verifyingNode();
    const old = await backUp(node);
    const writing = gate();
    node.clock.advance(29 * DAY);
    node.archive.beforePiece = writing.pass;
    const { ended } = await node.service.create({ server: SERVER });
    await writing.reached;
    await node.reverify.tick();
    expect(node.runner.open()).toHaveLength(1);
    node.clock.advance(2 * DAY);
    await node.reverify.tick();
    expect(node.runner.open().map(({ record }) => [record.kind, record.backup])).toContainEqual(['verify', old]);
    writing.open();
    await ended;
    await node.settled();
  });

  test('a damaged one is marked and told, is not read again and not reused from', async () => {
    const node = await verifyingNode();
    const old = await backUp(node);
    node.clock.advance(31 * DAY);
    node.archive.beforeVerify = () => {
      throw new Failure('archive_damaged', 'Cannot verify the archive: its sha256 differs');
    };
    await node.tick();
    expect(node.verdicts()).toEqual([false]);
    expect(node.catalogue.backups.get(old).damagedAt).toBe(node.clock.now());
    node.clock.advance(DAY);
    await node.tick();
    expect(node.verdicts()).toHaveLength(1);
    expect(node.catalogue.backups.newestGood(SERVER, 'memory')).toBeUndefined();
  });

  test('one that cannot be read now does not keep the others from being read, and is tried again later', async () => {
    const node = await verifyingNode();
    const old = await backUp(node);
    node.clock.advance(1000);
    const other = await backUp(node, serverId(2));
    node.clock.advance(31 * DAY);
    let away = true;
    node.archive.beforeVerify = ({ expected }) => {
      if (away && expected?.sha256 === node.catalogue.backups.get(old).sha256) {
        throw new Failure('store_unreachable', 'Cannot reach the store');
      }
    };
    await node.tick();
    await node.tick();
    expect(node.catalogue.backups.get(other).verifiedAt).not.toBeNull();
    expect(node.catalogue.backups.get(old)).toMatchObject({ verifiedAt: null, damagedAt: null });
    away = false;
    await node.tick();
    expect(node.catalogue.backups.get(old).verifiedAt).toBeNull();
    node.clock.advance(3_600_000);
    await node.tick();
    expect(node.catalogue.backups.get(old).verifiedAt).toBe(node.clock.now());
  });

  test('also one whose last verification is dated far ahead, by a clock that was wrong', async () => {
    const node = await verifyingNode();
    const id = await backUp(node);
    node.clock.jump(400 * DAY);
    await (
      await node.service.verify(SERVER, id)
    ).ended;
    node.clock.jump(-400 * DAY);
    await node.tick();
    expect(node.catalogue.backups.get(id).verifiedAt).toBe(node.clock.now());
    await node.tick();
    expect(node.verdicts()).toEqual([true, true]);
  });

  test('never, when 0 days are configured', async () => {
    const node = await verifyingNode(0);
    await backUp(node);
    node.clock.advance(1000 * DAY);
    await node.tick();
    expect(node.verdicts()).toEqual([]);
  });
});

describe('verifying copies by itself', () => {
  /** A node with a backup and its copy, as long ago as the days allow. */
  async function withCopy() {
    const [near, offsite] = [new MemoryStore('local'), new MemoryStore('offsite')];
    const node = await verifyingNode(30, { stores: [near, offsite] });
    const id = await backUp(node);
    for (const [key, bytes] of near.objects) offsite.objects.set(key, Buffer.from(bytes));
    node.clock.advance(1000);
    node.catalogue.copies.plan(id, 'offsite');
    node.catalogue.copies.complete(id, 'offsite', 'written');
    const copy = () => node.catalogue.copies.find(id, 'offsite');
    const key = objectKey(SERVER, id, 'tar.gz');
    node.clock.advance(31 * DAY);
    return { ...node, near, offsite, id, copy, key };
  }

  test('each copy is read too, once, and gives no verdict on the backup', async () => {
    const node = await withCopy();
    await node.tick();
    expect(node.copy()?.verifiedAt).toBeNull();
    await node.tick();
    expect(node.copy()?.verifiedAt).toBe(node.clock.now());
    await node.tick();
    expect(node.verdicts()).toEqual([true]);
    expect(dataOf(node.told, 'verify.completed')).toEqual([{}, { copy: 'offsite' }]);
    const jobs = node.catalogue.jobs.list({ kind: 'verify' });
    expect(jobs.map(({ request, origin }) => [request, origin])).toEqual([
      [{ copy: 'offsite' }, 'verification'],
      [{}, 'verification'],
    ]);
  });

  test('a damaged copy is marked and told, beside a backup that stays what it is', async () => {
    const node = await withCopy();
    node.offsite.objects.get(node.key)?.fill(0, 7, 8);
    await node.tick();
    await node.tick();
    expect(node.copy()).toMatchObject({ state: 'failed', damagedAt: node.clock.now() });
    expect(node.copy()?.error?.code).toBe('archive_damaged');
    expect(dataOf(node.told, 'copy.changed')).toMatchObject([
      { store: 'offsite', state: 'failed', error: { code: 'archive_damaged' } },
    ]);
    expect(dataOf(node.told, 'verify.failed')).toMatchObject([{ copy: 'offsite' }]);
    expect(node.catalogue.backups.get(node.id)).toMatchObject({ damagedAt: null, verifiedAt: node.clock.now() });
    const manifest = await readManifest(node.offsite, { server: SERVER, id: node.id });
    expect(manifest?.damagedAt).toBe(node.clock.now());
    node.clock.advance(DAY);
    await node.tick();
    expect(node.catalogue.jobs.list({ kind: 'verify' })).toHaveLength(2);
  });

  test('a copy in a store that is away is no damage, and the backup is read all the same', async () => {
    const node = await withCopy();
    node.offsite.reachable = false;
    await node.tick();
    await node.tick();
    await node.tick();
    expect(node.copy()).toMatchObject({ state: 'completed', damagedAt: null, verifiedAt: null });
    expect(node.verdicts()).toEqual([true]);
  });

  test('damage that a job found in an archive that was replaced since it began says nothing of the new one', async () => {
    const node = await withCopy();
    await node.tick();
    node.archive.beforeVerify = () => {
      node.clock.advance(1000);
      node.catalogue.copies.complete(node.id, 'offsite', 'written');
      throw new Failure('archive_damaged', 'Cannot read the archive: it was replaced');
    };
    await node.tick();
    expect(node.copy()).toMatchObject({ state: 'completed', damagedAt: null });
    expect(dataOf(node.told, 'copy.changed')).toEqual([]);
  });
});
