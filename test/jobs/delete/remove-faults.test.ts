/** Every call of the store and of the catalogue that a removal makes, failing once; and the process dying there. */
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { FaultPoints } from '../../support/fault-points.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { backUp, backupId, scratchCatalogue, SERVER, testNode, type TestNode } from '../../support/node.ts';
import { StillClock } from '../../support/still-clock.ts';

const ID = backupId(1);

async function withBackup(): Promise<{
  readonly memory: MemoryStore;
  readonly points: FaultPoints;
  readonly node: TestNode;
}> {
  const clock = new StillClock();
  const points = new FaultPoints();
  const memory = new MemoryStore();
  const catalogue = points.catalogue(await scratchCatalogue(clock));
  const node = await testNode({ store: points.store(memory), catalogue, clock });
  await backUp(node, SERVER, ID);
  points.calls = 0;
  points.names.length = 0;
  return { memory, points, node };
}

async function callsOfRemoval(): Promise<readonly string[]> {
  const { node, points } = await withBackup();
  await node.service.remove(SERVER, ID);
  return points.names;
}

/** The archive must be there as long as the row is, and no manifest may be there without its archive. */
function expectSound(memory: MemoryStore, node: TestNode, what: string): void {
  const kinds = [...memory.objects.keys()].map((key) => key.slice(key.indexOf('.')));
  if (node.catalogue.backups.find(ID) === undefined) expect(kinds, what).toEqual([]);
  if (kinds.includes('.json')) expect(kinds, what).toContain('.tar.gz');
}

describe('one fault anywhere in a removal', () => {
  test('the backup is gone, or can be seen and deleted again', async () => {
    const calls = await callsOfRemoval();
    expect(calls.filter((name) => name.startsWith('remove'))).toHaveLength(3);
    for (const [at, name] of calls.entries()) {
      const { memory, node, points } = await withBackup();
      points.at = (number, when) => {
        if (number === at + 1 && when === 'before') throw new Failure('store_unreachable', 'the cable was pulled');
      };
      const failed = await node.service.remove(SERVER, ID).then(
        () => false,
        () => true,
      );
      expectSound(memory, node, `${name} failed`);
      if (!failed) continue;
      const next = await testNode({ store: memory, catalogue: node.catalogue, clock: node.clock });
      await next.recover();
      if (next.catalogue.backups.find(ID) !== undefined) await next.service.remove(SERVER, ID);
      expect(memory.objects.size, `${name} failed, then asked again`).toBe(0);
    }
  });
});

describe('the process dies anywhere in a removal', () => {
  test.each(['before', 'after'] as const)('%s a call of the store: the next start finishes it', async (moment) => {
    const calls = await callsOfRemoval();
    for (const [at, name] of calls.entries()) {
      if (!name.startsWith('remove')) continue;
      const { memory, node, points } = await withBackup();
      const died = Promise.withResolvers<void>();
      points.at = (number, when) => {
        if (number !== at + 1 || when !== moment) return undefined;
        died.resolve();
        return new Promise<void>(() => undefined);
      };
      void node.service.remove(SERVER, ID);
      await died.promise;
      expectSound(memory, node, `died ${moment} ${name}`);
      const next = await testNode({ store: memory, catalogue: node.catalogue, clock: node.clock });
      await next.recover();
      expect([memory.objects.size, next.catalogue.backups.find(ID)], `died ${moment} ${name}`).toEqual([0, undefined]);
      expect(next.catalogue.jobs.active()).toEqual([]);
    }
  });
});
