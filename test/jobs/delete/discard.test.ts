/** What a panel deletes goes, whatever is still under way on it. */
import { describe, expect, test } from 'vitest';
import { backUp, backupId, gate, outcome, SERVER, serverId, testNode, type TestNode } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';

const ID = backupId(1);
const OTHER = serverId(2);

/** A node on which a backup of the server is being written, and does not come any further by itself. */
async function nodeAtWork() {
  const node = await testNode();
  const writing = gate();
  node.archive.beforePiece = writing.pass;
  const accepted = await node.service.create({ server: SERVER, id: ID });
  await writing.reached;
  return { node, writing, accepted };
}

function leftOf({ memory, catalogue, runner }: TestNode) {
  return { objects: memory.objects.size, rows: catalogue.backups.list().length, jobs: runner.open().length };
}

const NOTHING = { objects: 0, rows: 0, jobs: 0 };

describe('a backup that is discarded', () => {
  test('is gone when nothing runs on it', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    await node.service.discard(SERVER, ID);
    expect(leftOf(node)).toEqual(NOTHING);
    await failureOf(node.service.discard(SERVER, ID), 'backup_not_found');
  });

  test('while it is made, is cancelled, and leaves nothing', async () => {
    const { node, accepted } = await nodeAtWork();
    await node.service.discard(SERVER, ID);
    expect(await outcome(accepted)).toBe('cancelled');
    expect(leftOf(node)).toEqual(NOTHING);
  });

  test('while it waits for its turn, is gone at once; the one before it goes on', async () => {
    const { node, writing, accepted } = await nodeAtWork();
    const second = await node.service.create({ server: SERVER, id: backupId(2), whenBusy: 'queue' });
    await node.service.discard(SERVER, backupId(2));
    expect(await outcome(second)).toBe('cancelled');
    expect(leftOf(node)).toMatchObject({ rows: 1, jobs: 1 });
    writing.open();
    expect(await outcome(accepted)).toBe('done');
  });

  test('while it is verified, is not kept by that', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    const verifying = gate();
    node.archive.beforeVerify = verifying.pass;
    const accepted = await node.service.verify(SERVER, ID);
    await verifying.reached;
    await node.service.discard(SERVER, ID);
    expect(await outcome(accepted)).toBe('cancelled');
    expect(leftOf(node)).toEqual(NOTHING);
  });

  test('twice at the same time, is gone once, and both are told so', async () => {
    const { node } = await nodeAtWork();
    await Promise.all([node.service.discard(SERVER, ID), node.service.discard(SERVER, ID)]);
    expect(leftOf(node)).toEqual(NOTHING);
    expect(node.told.filter(({ type }) => type === 'backup.deleted')).toHaveLength(1);
  });

  test('while it is restored, stays: the server is not left half-way', async () => {
    const restoring = gate();
    const node = await testNode({
      restore: {
        kind: 'restore',
        async run(job) {
          await restoring.pass();
          job.commit(() => []);
        },
        failed: () => [],
      },
    });
    await backUp(node, SERVER, ID);
    const restore = await node.service.restore({ server: SERVER, backup: ID, truncate: false });
    await restoring.reached;
    await failureOf(node.service.discard(SERVER, ID), 'server_busy');
    restoring.open();
    expect(await outcome(restore)).toBe('done');
    await node.service.discard(SERVER, ID);
    expect(leftOf(node)).toEqual(NOTHING);
  });

  test('and is locked, stays, and goes on being made', async () => {
    const { node, writing, accepted } = await nodeAtWork();
    await node.service.setLocked(SERVER, ID, true);
    await failureOf(node.service.discard(SERVER, ID), 'backup_locked');
    writing.open();
    expect(await outcome(accepted)).toBe('done');
  });

  test('of another server, is unknown', async () => {
    const { node, writing, accepted } = await nodeAtWork();
    await failureOf(node.service.discard(OTHER, ID), 'backup_not_found');
    writing.open();
    expect(await outcome(accepted)).toBe('done');
  });

  test('goes of a suspended server too, as its panel decides', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    await node.service.setServer(SERVER, { suspended: true });
    await node.service.discard(SERVER, ID);
    expect(leftOf(node)).toEqual(NOTHING);
  });

  test('is found by its id alone', async () => {
    const node = await testNode();
    await backUp(node, OTHER, ID);
    expect(await node.service.findBackup(ID)).toMatchObject({ id: ID, server: OTHER });
    await failureOf(node.service.findBackup(backupId(7)), 'backup_not_found');
  });
});

describe('a server that its panel deletes', () => {
  test('is given up although a backup of it runs and another waits', async () => {
    const { node, accepted } = await nodeAtWork();
    const waiting = await node.service.create({ server: SERVER, id: backupId(2), whenBusy: 'queue' });
    expect(await node.service.removeServer(SERVER, { backups: 'delete', cancel: true })).toMatchObject({ kept: 0 });
    expect([await outcome(accepted), await outcome(waiting)]).toEqual(['cancelled', 'cancelled']);
    expect(leftOf(node)).toEqual(NOTHING);
  });

  test('disturbs no other server', async () => {
    const { node, writing, accepted } = await nodeAtWork();
    await node.service.removeServer(OTHER, { backups: 'delete', cancel: true });
    writing.open();
    expect(await outcome(accepted)).toBe('done');
  });

  test('is not given up by whoever does not ask to cancel', async () => {
    const { node, writing, accepted } = await nodeAtWork();
    await failureOf(node.service.removeServer(SERVER, { backups: 'delete' }), 'server_busy');
    writing.open();
    expect(await outcome(accepted)).toBe('done');
  });
});
