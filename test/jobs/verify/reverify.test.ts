import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { Reverify } from '../../../src/jobs/verify/reverify.ts';
import { backUp, gate, SERVER, serverId, testNode } from '../../support/node.ts';
import { dataOf } from '../../support/events.ts';

const DAY = 86_400_000;

async function verifyingNode(everyDays = 30) {
  const node = await testNode();
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

  test('never, when 0 days are configured', async () => {
    const node = await verifyingNode(0);
    await backUp(node);
    node.clock.advance(1000 * DAY);
    await node.tick();
    expect(node.verdicts()).toEqual([]);
  });
});
