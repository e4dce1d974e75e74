/** Every call of the store and of the catalogue that a backup makes, failing once; and the process dying there. */
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import type { BackupRecord, JobRecord } from '../../../src/catalogue/records.ts';
import { FaultPoints } from '../../support/fault-points.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { backupId, outcome, scratchCatalogue, SERVER, testNode, type TestNode } from '../../support/node.ts';
import { StillClock } from '../../support/still-clock.ts';

const ID = backupId(1);
const FAULT = new Failure('store_unreachable', 'Cannot use the store: the cable was pulled');

interface Harness {
  readonly memory: MemoryStore;
  readonly points: FaultPoints;
  readonly node: TestNode;
}

async function harness(watch: 'store' | 'catalogue' | 'both'): Promise<Harness> {
  const clock = new StillClock();
  const points = new FaultPoints();
  const memory = new MemoryStore();
  const plain = await scratchCatalogue(clock);
  const store = watch === 'catalogue' ? memory : points.store(memory);
  const catalogue = watch === 'store' ? plain : points.catalogue(plain);
  return { memory, points, node: await testNode({ store, catalogue, clock }) };
}

/** Another daemon over what the first one left, without any faults; half-written objects are swept as a store does. */
async function restarted({ memory, node }: Harness): Promise<TestNode> {
  await Promise.all([...memory.unfinished].map((writer) => writer.abort()));
  const next = await testNode({ store: memory, catalogue: node.catalogue, clock: node.clock });
  await next.recover();
  return next;
}

function rowsOf({ catalogue }: TestNode): {
  readonly job: JobRecord | undefined;
  readonly backup: BackupRecord | undefined;
} {
  return { job: catalogue.jobs.list()[0], backup: catalogue.backups.find(ID) };
}

function expectNothingHalf({ memory }: Harness, { job, backup }: ReturnType<typeof rowsOf>, what: string): void {
  expect(memory.unfinished.size, `${what}: writers left open`).toBe(0);
  const kinds = [...memory.objects.keys()].map((key) => key.slice(key.indexOf('.'))).sort();
  if (backup?.status === 'COMPLETED') expect(kinds, what).toEqual(['.index', '.json', '.tar.gz']);
  else expect(kinds, what).toEqual([]);
  const ends = { COMPLETED: ['done'], FAILED: ['failed', 'cancelled'], IN_PROGRESS: [] };
  if (backup === undefined) expect(job, what).toBeUndefined();
  else expect(ends[backup.status], what).toContain(job?.state);
}

async function callsOfSuccess(watch: 'store' | 'catalogue' | 'both'): Promise<string[]> {
  const { node, points } = await harness(watch);
  expect(await outcome(await node.service.create({ server: SERVER, id: ID }))).toBe('done');
  return points.names;
}

/** Runs a backup in which `fault` happens at the call of that number. */
async function runWith(
  built: Harness,
  number: number,
  fault: (when: 'before' | 'after') => void | Promise<void>,
): Promise<string> {
  built.points.at = (at, when) => (at === number ? fault(when) : undefined);
  try {
    return await outcome(await built.node.service.create({ server: SERVER, id: ID }));
  } catch (error) {
    return error instanceof Failure ? `refused: ${error.code}` : String(error);
  }
}

describe('one fault anywhere in a backup', () => {
  test('of the store: exactly one final state, nothing left behind, the next backup works', async () => {
    const calls = await callsOfSuccess('store');
    expect(calls.length).toBeGreaterThan(10);
    for (const [at, name] of calls.entries()) {
      const built = await harness('store');
      const end = await runWith(built, at + 1, (when) => {
        if (when === 'before') throw FAULT;
      });
      const what = `${name} (call ${at + 1}) failed, the backup was ${end}`;
      expectNothingHalf(built, rowsOf(built.node), what);
      expect(['done', 'store_unreachable', 'refused: store_unreachable'], what).toContain(end);
      const next = await built.node.service.create({ server: SERVER });
      expect(await outcome(next), what).toBe('done');
    }
  });

  test('of the catalogue: what could not be stored is ended by the next start', async () => {
    const calls = await callsOfSuccess('catalogue');
    expect(calls.length).toBeGreaterThan(6);
    for (const [at, name] of calls.entries()) {
      const built = await harness('catalogue');
      const end = await runWith(built, at + 1, () => {
        throw new Failure('insufficient_storage', 'Cannot use the catalogue: the disk is full');
      });
      const what = `${name} (call ${at + 1}) failed, the backup was ${end}`;
      await restarted(built);
      expectNothingHalf(built, rowsOf(built.node), what);
      expect(built.node.runner.open(), what).toEqual([]);
    }
  });

  test('of the catalogue for good: the files stay until the next start can tell whose they are', async () => {
    const calls = await callsOfSuccess('catalogue');
    for (let at = 1; at <= calls.length; at++) {
      const built = await harness('catalogue');
      built.points.at = (number) => {
        if (number >= at) throw new Failure('internal', 'Cannot use the catalogue: the disk is read-only');
      };
      const end = await built.node.service.create({ server: SERVER, id: ID }).then(outcome, () => 'refused');
      expect(end).not.toBe('done');
      built.points.at = () => undefined;
      await restarted(built);
      expectNothingHalf(built, rowsOf(built.node), `the catalogue failed from call ${at} (${calls[at - 1]}) on`);
    }
  });
});

describe('the process dies anywhere in a backup', () => {
  test.each(['before', 'after'] as const)('%s a call: the next start completes or fails it, whole', async (moment) => {
    const calls = await callsOfSuccess('store');
    const ends = new Map<string, string>();
    for (const [at, name] of calls.entries()) {
      const built = await harness('store');
      const died = Promise.withResolvers<void>();
      const never = new Promise<void>(() => undefined);
      const running = runWith(built, at + 1, (when) => {
        if (when !== moment) return undefined;
        died.resolve();
        return never;
      });
      await Promise.race([died.promise, running]);
      await restarted(built);
      const rows = rowsOf(built.node);
      expectNothingHalf(built, rows, `died ${moment} ${name}`);
      if (rows.backup !== undefined) ends.set(name.split(' ')[0] + name.slice(name.indexOf('.')), rows.backup.status);
    }
    // The manifest is the point at which the backup exists: dying after its commit loses nothing.
    expect(ends.get('commit.json')).toBe(moment === 'after' ? 'COMPLETED' : 'FAILED');
    expect(ends.get('commit.tar.gz')).toBe('FAILED');
  });
});

describe('cancelling anywhere in a backup', () => {
  test('during each call of the store: cancelled, nothing left, and the next one works', async () => {
    const calls = await callsOfSuccess('store');
    for (const [at, name] of calls.entries()) {
      const built = await harness('store');
      let accepted = false;
      const end = await runWith(built, at + 1, async (when) => {
        if (when !== 'before' || rowsOf(built.node).backup === undefined) return;
        await built.node.service.cancel(SERVER, ID);
        accepted = true;
      });
      const what = `cancelled at ${name} (call ${at + 1})`;
      expect(end, what).toBe(accepted ? 'cancelled' : 'done');
      const rows = rowsOf(built.node);
      expectNothingHalf(built, rows, what);
      if (accepted) expect([rows.job?.state, rows.backup?.error?.code], what).toEqual(['cancelled', 'cancelled']);
    }
  });
});
