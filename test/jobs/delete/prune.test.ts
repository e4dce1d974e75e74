import { describe, expect, onTestFinished, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { Pruner } from '../../../src/jobs/delete/prune.ts';
import { backUp, gate, milestones, type NodeOptions, outcome, SERVER, serverId, testNode } from '../../support/node.ts';

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

  test('begins nothing after it was closed', async () => {
    const node = await pruningNode({ retention: { keepLast: 1 } });
    await node.backUpLater();
    await node.pruner.close();
    await node.backUpLater();
    expect(node.kept()).toHaveLength(2);
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
