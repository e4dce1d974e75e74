import { describe, expect, test } from 'vitest';
import { decodeManifest } from '../../../src/catalogue/manifest/read.ts';
import { objectKey } from '../../../src/storage/key.ts';
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
