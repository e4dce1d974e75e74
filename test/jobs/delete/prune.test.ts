import { describe, expect, onTestFinished, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { Pruner } from '../../../src/jobs/delete/prune.ts';
import {
  backUp,
  backupId,
  gate,
  milestones,
  type NodeOptions,
  outcome,
  SERVER,
  serverId,
  testNode,
} from '../../support/node.ts';

async function pruningNode(options: NodeOptions) {
  const node = await testNode(options);
  const pruner = new Pruner({ ...node, deleteBackup: (server, backup) => node.service.remove(server, backup) });
  onTestFinished(() => pruner.close());
  const kept = (server = SERVER) => node.catalogue.backups.list({ server }).map(({ id }) => id);
  const backUpLater = async () => {
    node.clock.advance(3_600_000);
    return backUp(node);
  };
  return { ...node, pruner, kept, backUpLater };
}

describe('pruning', () => {
  test('removes what the rules let go, once the new backup is complete, and tells of it', async () => {
    const node = await pruningNode({ retention: { keepLast: 2 } });
    const [, second, third] = [await node.backUpLater(), await node.backUpLater(), await node.backUpLater()];
    await node.pruner.settled();
    expect(node.kept()).toEqual([third, second]);
    expect(Array.from(node.memory.objects.keys()).filter((key) => key.endsWith('.tar.gz'))).toHaveLength(2);
    expect(milestones(node).slice(-2)).toEqual(['backup.completed', 'backup.deleted']);
  });

  test('leaves the other servers alone', async () => {
    const node = await pruningNode({ retention: { keepLast: 1 } });
    const other = await backUp(node, serverId(2));
    await node.backUpLater();
    await node.backUpLater();
    await node.pruner.settled();
    expect(node.kept(serverId(2))).toEqual([other]);
    expect(node.kept()).toHaveLength(1);
  });

  test('prunes nothing when the new backup fails', async () => {
    const node = await pruningNode({ retention: { keepDays: 1 } });
    const old = [await backUp(node), await node.backUpLater()];
    node.clock.advance(90 * 86_400_000);
    node.archive.beforePiece = () => {
      throw new Failure('internal', 'Cannot read the disk');
    };
    expect(await outcome(await node.service.create({ server: SERVER }))).toBe('internal');
    await node.pruner.settled();
    expect(node.kept()).toEqual(expect.arrayContaining(old));
  });

  test('keeps a locked one, and one that is being restored from', async () => {
    const restoring = gate();
    const restore = {
      kind: 'restore' as const,
      run: async (job: { commit: (write: () => []) => void }) => {
        await restoring.pass();
        job.commit(() => []);
      },
      failed: () => [],
    };
    const node = await pruningNode({ retention: { keepLast: 1 }, restore });
    const locked = await node.backUpLater();
    await node.service.setLocked(SERVER, locked, true);
    const used = await node.backUpLater();
    const accepted = await node.service.restore({ server: SERVER, backup: used, truncate: false });
    await restoring.reached;
    const gone = await node.service.create({ server: SERVER, whenBusy: 'queue' });
    restoring.open();
    await accepted.ended;
    await gone.ended;
    await node.pruner.settled();
    expect(node.kept()).toContain(locked);
  });

  test('goes on with the others when one cannot be removed, and tries that again after the next backup', async () => {
    const node = await testNode({ retention: { keepLast: 1 } });
    const first = await backUp(node);
    node.clock.advance(1000);
    const second = await backUp(node);
    let refused = 0;
    const pruner = new Pruner({
      ...node,
      deleteBackup: async (server, backup) => {
        if (backup === first && refused++ === 0) throw new Failure('store_unreachable', 'Cannot reach the store');
        await node.service.remove(server, backup);
      },
    });
    onTestFinished(() => pruner.close());
    node.clock.advance(1000);
    const third = await backUp(node);
    await pruner.settled();
    const left = node.catalogue.backups.list({ server: SERVER }).map(({ id }) => id);
    expect(left).toEqual([third, first]);
    expect(left).not.toContain(second);
    node.clock.advance(1000);
    const fourth = await backUp(node);
    await pruner.settled();
    expect(node.catalogue.backups.list({ server: SERVER }).map(({ id }) => id)).toEqual([fourth]);
  });

  test('removes at most half of what the server has in one run', async () => {
    const node = await pruningNode({});
    for (let night = 0; night < 9; night++) await node.backUpLater();
    node.config.retention.keepLast = 1;
    for (const left of [5, 3, 2, 1]) {
      await node.backUpLater();
      await node.pruner.settled();
      expect(node.kept()).toHaveLength(left);
    }
  });

  test('removes nothing while the clock is in doubt, and goes on once it is right again', async () => {
    const node = await pruningNode({ retention: { keepDays: 30 } });
    const before = [await node.backUpLater(), await node.backUpLater(), await node.backUpLater()];
    node.clock.jump(400 * 86_400_000);
    const ahead = await node.backUpLater();
    await node.pruner.settled();
    expect(node.kept().sort()).toEqual([...before, ahead].sort());
    node.clock.jump(-400 * 86_400_000);
    const after = await node.backUpLater();
    await node.pruner.settled();
    expect(node.kept().sort()).toEqual([...before, ahead, after].sort());
    expect((await node.service.retention(SERVER)).backups.every(({ reasons }) => reasons.length > 0)).toBe(true);
  });

  test('never lets go what was just made, though another is dated in the future', async () => {
    const node = await pruningNode({ retention: { keepLast: 1 } });
    const first = await node.backUpLater();
    const record = node.catalogue.backups.get(first);
    const id = backupId(99);
    node.catalogue.backups.adopt({ ...record, id, sequence: 0, createdAt: node.clock.now() + 300 * 86_400_000 });
    const tonight = await node.backUpLater();
    await node.pruner.settled();
    expect(node.kept()).toEqual([id, tonight]);
    const plan = (await node.service.retention(SERVER)).backups;
    expect(plan.map(({ reasons }) => reasons)).toEqual([['future_dated'], ['newest_good', 'last']]);
  });

  test('begins nothing after it was closed', async () => {
    const node = await pruningNode({ retention: { keepLast: 1 } });
    await node.backUpLater();
    await node.pruner.close();
    await node.backUpLater();
    expect(node.kept()).toHaveLength(2);
  });
});

describe('room for the next backup', () => {
  const DAY = 86_400_000;

  test('is made by the rules before it is refused', async () => {
    const node = await testNode({ limits: { perServer: 3 } });
    const made = [await backUp(node), await backUp(node), await backUp(node)];
    await expect(node.service.create({ server: SERVER })).rejects.toMatchObject({ code: 'too_many_backups' });
    node.config.retention.keepLast = 2;
    const next = await backUp(node);
    expect(
      node.catalogue.backups
        .list()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...made.slice(1), next].sort());
  });

  test('is made also where the rules keep as many as the limit allows, but only as much as is needed', async () => {
    const node = await testNode({ limits: { perServer: 3 }, retention: { keepLast: 3 } });
    for (let night = 0; night < 6; night++) {
      await backUp(node);
      node.clock.advance(DAY);
    }
    expect(node.catalogue.backups.list()).toHaveLength(3);
  });

  test('is not made out of the last good backup, nor of locked ones', async () => {
    const node = await testNode({ limits: { perServer: 1 }, retention: { keepLast: 1 } });
    const only = await backUp(node);
    await expect(node.service.create({ server: SERVER })).rejects.toMatchObject({ code: 'too_many_backups' });
    expect(node.catalogue.backups.list().map(({ id }) => id)).toEqual([only]);
  });

  test('is made where the bytes of the archives are at their limit', async () => {
    const node = await testNode({ retention: { keepLast: 2 } });
    const first = await backUp(node);
    const { size } = node.catalogue.backups.get(first);
    node.config.limits.serverBytes = size * 3;
    for (let night = 0; night < 5; night++) await backUp(node);
    expect(node.catalogue.backups.list().every(({ status }) => status === 'COMPLETED')).toBe(true);
    expect(node.catalogue.backups.list().length).toBeLessThanOrEqual(3);
  });

  test('is not made out of the backup that is to be restored after it', async () => {
    const node = await testNode({ limits: { perServer: 2 }, retention: { keepLast: 2 } });
    const [wanted, newest] = [await backUp(node), await backUp(node)];
    const asked = { server: SERVER, backup: wanted, truncate: true, backupFirst: true };
    await expect(node.service.restore(asked)).rejects.toMatchObject({ code: 'too_many_backups' });
    const left = node.catalogue.backups.list().map(({ id }) => id);
    expect(left.sort()).toEqual([wanted, newest].sort());
  });

  test('is made out of another one before a restore that begins with a backup', async () => {
    const node = await testNode({ limits: { perServer: 3 } });
    const [wanted, older, newest] = [await backUp(node), await backUp(node), await backUp(node)];
    node.config.retention.keepLast = 1;
    const asked = { server: SERVER, backup: wanted, truncate: true, backupFirst: true };
    const { ended, backedUp } = await node.service.restore(asked);
    await ended;
    const left = node.catalogue.backups.list().map(({ id }) => id);
    expect(new Set(left)).toEqual(new Set([wanted, newest, backedUp]));
    expect(left).not.toContain(older);
  });

  test('is not made while the clock is in doubt', async () => {
    const node = await testNode({ limits: { perServer: 2 }, retention: { keepDays: 1 } });
    await backUp(node);
    await backUp(node);
    node.clock.jump(400 * DAY);
    await expect(node.service.create({ server: SERVER })).rejects.toMatchObject({ code: 'too_many_backups' });
    expect(node.catalogue.backups.list()).toHaveLength(2);
  });
});

describe('retention that an operator applies', () => {
  test('removes all that the rules let go, and tells what stays', async () => {
    const node = await testNode();
    const made: string[] = [];
    for (let night = 0; night < 6; night++) made.push(await backUp(node));
    node.config.retention.keepLast = 1;
    const { removed, failed, doubt, backups } = await node.service.applyRetention(SERVER);
    expect([...removed].sort()).toEqual(made.slice(0, 5).sort());
    expect([failed, doubt]).toEqual([[], null]);
    expect(backups.map(({ backup }) => backup.id)).toEqual(made.slice(5));
  });

  test('waits for a word about a clock that has jumped', async () => {
    const node = await testNode({ retention: { keepDays: 30 } });
    await backUp(node);
    const newest = await backUp(node);
    node.clock.jump(400 * 86_400_000);
    const held = await node.service.applyRetention(SERVER);
    expect(held.removed).toEqual([]);
    expect(held.doubt).toEqual({ wall: node.clock.now(), expected: node.clock.now() - 400 * 86_400_000 });
    expect((await node.service.applyRetention(SERVER, true)).removed).toHaveLength(1);
    expect(node.catalogue.backups.list().map(({ id }) => id)).toEqual([newest]);
  });
});

describe('the plan', () => {
  test('shows why each backup stays and which would go, and changes nothing', async () => {
    const node = await testNode({ retention: { keepLast: 1 } });
    const first = await backUp(node);
    node.clock.advance(1000);
    const second = await backUp(node);
    const { backups } = await node.service.retention(SERVER);
    expect(backups.map(({ backup, reasons }) => [backup.id, reasons])).toEqual([
      [second, ['newest_good', 'last']],
      [first, []],
    ]);
    expect(node.catalogue.backups.list()).toHaveLength(2);
  });
});
