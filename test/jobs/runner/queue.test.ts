import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BackupId, JobId, ServerId } from '../../../src/base/ids.ts';
import type { JobKind } from '../../../src/catalogue/records.ts';
import { Locks, locksOf } from '../../../src/jobs/runner/locks.ts';
import { JobQueue, type WaitingJob } from '../../../src/jobs/runner/queue.ts';

const ALL_FREE: (locks: readonly string[]) => boolean = () => true;

function job(name: string, kind: JobKind, server = name, backup = name): WaitingJob {
  const locks = locksOf({ kind, server: server as ServerId, backup: backup as BackupId });
  return { id: name as JobId, kind, locks };
}

function drained(queue: JobQueue, free = ALL_FREE): string[] {
  const order: string[] = [];
  for (let next = queue.takeNext(free, true); next !== undefined; next = queue.takeNext(free, true))
    order.push(next.id);
  return order;
}

describe('the order of waiting jobs', () => {
  test('first in, first out', () => {
    const queue = new JobQueue();
    for (const name of ['a', 'b', 'c']) queue.add(job(name, 'backup'));
    expect(drained(queue)).toEqual(['a', 'b', 'c']);
  });

  test('restores go before backups, and backups before verifications', () => {
    const queue = new JobQueue();
    queue.add(job('verify', 'verify'));
    queue.add(job('backup', 'backup'));
    queue.add(job('restore', 'restore'));
    queue.add(job('later restore', 'restore'));
    expect(drained(queue)).toEqual(['restore', 'later restore', 'backup', 'verify']);
  });

  test('positions count from one and move up', () => {
    const queue = new JobQueue();
    queue.add(job('a', 'backup'));
    queue.add(job('b', 'backup'));
    queue.add(job('r', 'restore'));
    expect(['r', 'a', 'b', 'unknown'].map((name) => queue.position(name as JobId))).toEqual([1, 2, 3, null]);
    queue.takeNext(ALL_FREE, true);
    expect(queue.position('b' as JobId)).toBe(2);
  });

  test('a job whose server is busy is passed over, and keeps its place', () => {
    const queue = new JobQueue();
    queue.add(job('a', 'backup', 'busy'));
    queue.add(job('b', 'backup', 'idle'));
    expect(drained(queue, (locks) => !locks.includes('server:busy'))).toEqual(['b']);
    expect(drained(queue)).toEqual(['a']);
  });

  test('nobody overtakes a job that waits for the same backup', () => {
    const queue = new JobQueue();
    queue.add(job('backup of it', 'backup', 'busy', 'one'));
    queue.add(job('verification of it', 'verify', 'busy', 'one'));
    expect(drained(queue, (locks) => !locks.includes('server:busy'))).toEqual([]);
  });

  test('a restore that begins with a backup stays behind it, and before the backups that came later', () => {
    const queue = new JobQueue();
    queue.add(job('earlier', 'backup'));
    queue.add(job('first', 'backup', 'server'));
    queue.add(job('later', 'backup'));
    queue.add({ ...job('restore', 'restore', 'server', 'old'), after: 'backup:first' });
    queue.add(job('another restore', 'restore'));
    queue.add(job('last', 'backup'));
    expect(drained(queue)).toEqual(['another restore', 'earlier', 'first', 'restore', 'later', 'last']);
  });

  test('a restore whose backup runs already goes before the other backups', () => {
    const queue = new JobQueue();
    queue.add(job('later', 'backup'));
    queue.add({ ...job('restore', 'restore', 'server', 'old'), after: 'backup:first' });
    expect(drained(queue)).toEqual(['restore', 'later']);
  });

  test('without a free slot only a removal starts', () => {
    const queue = new JobQueue();
    for (const kind of ['backup', 'restore', 'verify', 'delete'] as const) queue.add(job(kind, kind));
    expect(queue.takeNext(ALL_FREE, false)?.id).toBe('delete');
    expect(queue.takeNext(ALL_FREE, false)).toBeUndefined();
  });

  test('whatever is added, removed and taken: each job comes out once, and never before an earlier equal', () => {
    const kinds = fc.constantFrom<JobKind>('backup', 'restore', 'verify', 'delete');
    fc.assert(
      fc.property(fc.array(fc.record({ kind: kinds, server: fc.nat(3), drop: fc.boolean() })), (added) => {
        const queue = new JobQueue();
        for (const [at, { kind, server }] of added.entries()) queue.add(job(`${at}`, kind, `${server}`, `${at}`));
        for (const [at, { drop }] of added.entries()) if (drop) expect(queue.remove(`${at}` as JobId)).toBe(true);
        const order = drained(queue).map(Number);
        expect([...order].sort((a, b) => a - b)).toEqual([...added.keys()].filter((at) => added[at]?.drop === false));
        for (const [place, at] of order.entries()) {
          const later = order.slice(place + 1).filter((other) => added[other]?.kind === added[at]?.kind);
          expect(later.every((other) => other > at)).toBe(true);
        }
      }),
    );
  });
});

describe('locks', () => {
  const [first, second] = ['1', '2'] as JobId[] as [JobId, JobId];

  test('all names or none', () => {
    const locks = new Locks();
    expect(locks.take(['server:a', 'backup:x'], first)).toBe(true);
    expect(locks.take(['backup:y', 'server:a'], second)).toBe(false);
    expect(locks.free(['backup:y'])).toBe(true);
  });

  test('releasing one holder leaves the others', () => {
    const locks = new Locks();
    locks.take(['a'], first);
    locks.take(['b'], second);
    locks.release(first);
    expect([locks.free(['a']), locks.free(['b'])]).toEqual([true, false]);
  });

  test('a verification does not keep the server from its next backup', () => {
    const names = { server: 's' as ServerId, backup: 'old' as BackupId };
    const next = { server: 's' as ServerId, backup: 'new' as BackupId };
    const locks = new Locks();
    expect(locks.take(locksOf({ kind: 'verify', ...names }), first)).toBe(true);
    expect(locks.take(locksOf({ kind: 'backup', ...next }), second)).toBe(true);
  });
});
