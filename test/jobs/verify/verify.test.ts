import { describe, expect, test } from 'vitest';
import { decodeManifest } from '../../../src/catalogue/manifest/read.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { requestVerification } from '../../../src/jobs/verify/request.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { backUp, backupId, gate, milestones, outcome, SERVER, testNode, type TestNode } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';
import { dataOf } from '../../support/events.ts';

const ID = backupId(1);
const ARCHIVE = objectKey(SERVER, ID, 'tar.gz');

function manifestOf({ memory }: TestNode): ReturnType<typeof decodeManifest> {
  return decodeManifest(memory.objects.get(objectKey(SERVER, ID, 'json')) ?? new Uint8Array());
}

function verdicts({ told }: TestNode): unknown[] {
  return dataOf(told, 'backup.verified').map(({ ok }) => ok);
}

describe('verifying', () => {
  test('an intact archive is marked as verified, in the row and the manifest', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    node.clock.advance(60_000);
    const backup = await (await node.service.verify(SERVER, ID)).ended;
    expect(backup.verifiedAt).toBe(node.clock.now());
    expect(manifestOf(node).verifiedAt).toBe(node.clock.now());
    expect(verdicts(node)).toEqual([true]);
    expect(milestones(node).slice(-3)).toEqual(['verify.started', 'backup.verified', 'verify.completed']);
    expect(node.told.map(({ type }) => type)).toContain('verify.progress');
  });

  test.each([
    ['one flipped byte', (node: TestNode) => void node.memory.objects.get(ARCHIVE)?.fill(0, 7, 8)],
    ['a missing archive', (node: TestNode) => void node.memory.objects.delete(ARCHIVE)],
    ['a shorter archive', (node: TestNode) => void node.memory.objects.set(ARCHIVE, new Uint8Array(5))],
  ])('%s is damage: told, marked, and no longer restored from', async (_, damage) => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    damage(node);
    const accepted = await node.service.verify(SERVER, ID);
    await failureOf(accepted.ended, 'archive_damaged');
    expect((await node.service.backup(SERVER, ID)).damagedAt).toBe(node.clock.now());
    expect(manifestOf(node).damagedAt).toBe(node.clock.now());
    expect(verdicts(node)).toEqual([false]);
    expect(dataOf(node.told, 'verify.failed').map(({ error }) => error.code)).toEqual(['archive_damaged']);
    await failureOf(node.service.restore({ server: SERVER, backup: ID, truncate: false }), 'archive_damaged');
  });

  test('a mark is told to what looks at shared bytes when it is new, not each time that it stays', async () => {
    const told: string[] = [];
    const node = await testNode({ onDamaged: ({ id }) => told.push(id) });
    await backUp(node, SERVER, ID);
    const whole = node.memory.objects.get(ARCHIVE) ?? new Uint8Array();
    const finding = async (bytes: Uint8Array): Promise<string> => {
      node.memory.objects.set(ARCHIVE, bytes);
      return outcome(await node.service.verify(SERVER, ID));
    };
    const bent = Uint8Array.from(whole).fill(0, 7, 8);
    expect(await finding(bent)).toBe('archive_damaged');
    expect(await finding(bent)).toBe('archive_damaged');
    expect(told).toEqual([ID]);
    expect(await finding(whole)).toBe('done');
    expect(await finding(bent)).toBe('archive_damaged');
    expect(told).toEqual([ID, ID]);
  });

  test('a good verification takes back an earlier finding', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    node.catalogue.backups.markDamaged(ID);
    await (
      await node.service.verify(SERVER, ID)
    ).ended;
    expect((await node.service.backup(SERVER, ID)).damagedAt).toBeNull();
  });

  test('a store that is away, or a cancelled verification, says nothing about the archive', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    node.memory.reachable = false;
    expect(await outcome(await node.service.verify(SERVER, ID))).toBe('store_unreachable');
    node.memory.reachable = true;
    const held = gate();
    node.archive.beforeVerify = held.pass;
    const accepted = await node.service.verify(SERVER, ID);
    await held.reached;
    await node.service.cancel(SERVER, ID);
    expect(await outcome(accepted)).toBe('cancelled');
    expect((await node.service.backup(SERVER, ID)).damagedAt).toBeNull();
    expect(verdicts(node)).toEqual([]);
  });

  test('runs beside a backup of the same server, and once at a time for a backup', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    const held = gate();
    node.archive.beforeVerify = held.pass;
    const accepted = await node.service.verify(SERVER, ID);
    await held.reached;
    await backUp(node, SERVER, backupId(2));
    await failureOf(node.service.verify(SERVER, ID), 'server_busy');
    held.open();
    await accepted.ended;
  });

  test('is refused for what is not completed', async () => {
    const node = await testNode();
    const held = gate();
    node.archive.beforePiece = held.pass;
    const accepted = await node.service.create({ server: SERVER, id: ID });
    await failureOf(node.service.verify(SERVER, ID), 'backup_not_ready');
    await node.service.cancel(SERVER, ID);
    await outcome(accepted);
    await failureOf(node.service.verify(SERVER, ID), 'backup_failed');
  });
});

describe('the index beside a whole archive', () => {
  const INDEX = objectKey(SERVER, ID, 'index');

  /** A backup with a copy, and the bytes of its index. */
  async function withIndex() {
    const [near, offsite] = [new MemoryStore('local'), new MemoryStore('offsite')];
    const node = await testNode({ stores: [near, offsite] });
    await backUp(node, SERVER, ID);
    for (const [key, bytes] of near.objects) offsite.objects.set(key, Buffer.from(bytes));
    node.catalogue.copies.plan(ID, 'offsite');
    node.catalogue.copies.complete(ID, 'offsite', 'written');
    const right = Buffer.from(near.objects.get(INDEX) ?? []);
    expect(right.byteLength).toBeGreaterThan(0);
    const completed = () => dataOf(node.told, 'verify.completed').at(-1);
    const verifyCopy = () => outcome(requestVerification({ server: SERVER, backup: ID, copy: 'offsite' }, node));
    return { ...node, near, offsite, right, completed, verifyCopy };
  }

  const damages = [
    ['damaged', (store: MemoryStore) => void store.objects.get(INDEX)?.fill(0x55, 1, 3)],
    ['missing', (store: MemoryStore) => void store.objects.delete(INDEX)],
  ] as const;

  test.each(damages)('that is %s is told, and taken from a copy', async (found, harm) => {
    const node = await withIndex();
    harm(node.near);
    const { job, ended } = await node.service.verify(SERVER, ID);
    await ended;
    expect(node.completed()).toEqual({ index: { found, takenFrom: 'offsite' } });
    expect(node.catalogue.jobs.get(job).result).toEqual({ index: found, indexTakenFrom: 'offsite' });
    expect(node.right.equals(node.near.objects.get(INDEX) ?? Buffer.of())).toBe(true);
    expect(node.catalogue.backups.get(ID)).toMatchObject({ damagedAt: null, verifiedAt: node.clock.now() });
    await (
      await node.service.verify(SERVER, ID)
    ).ended;
    expect(node.completed()).toEqual({});
  });

  test.each(damages)('of a copy that is %s is taken from the backup in its own store', async (found, harm) => {
    const node = await withIndex();
    harm(node.offsite);
    expect(await node.verifyCopy()).toBe('done');
    expect(node.completed()).toEqual({ copy: 'offsite', index: { found, takenFrom: 'local' } });
    expect(node.right.equals(node.offsite.objects.get(INDEX) ?? Buffer.of())).toBe(true);
  });

  test('that is right nowhere is told as what it is, and left as it is', async () => {
    const node = await withIndex();
    for (const store of [node.near, node.offsite]) store.objects.get(INDEX)?.fill(0x55, 1, 3);
    const bent = Buffer.from(node.near.objects.get(INDEX) ?? []);
    await (
      await node.service.verify(SERVER, ID)
    ).ended;
    expect(node.completed()).toEqual({ index: { found: 'damaged' } });
    expect(bent.equals(node.near.objects.get(INDEX) ?? Buffer.of())).toBe(true);
    expect([node.near.unfinished.size, node.offsite.unfinished.size]).toEqual([0, 0]);
    expect(node.catalogue.backups.get(ID).damagedAt).toBeNull();
  });

  test('that was never recorded is no finding: an archive of another daemon has none', async () => {
    const node = await withIndex();
    const { indexSha256: _digest, ...record } = node.catalogue.backups.get(ID);
    node.catalogue.backups.delete(ID);
    node.catalogue.backups.adopt({ ...record, indexSha256: null });
    node.near.objects.delete(INDEX);
    await (
      await node.service.verify(SERVER, ID)
    ).ended;
    expect(node.completed()).toEqual({});
  });
});
