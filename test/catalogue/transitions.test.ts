import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import type { JobState } from '../../src/catalogue/records.ts';
import { completed, newBackup, newJob } from '../support/catalogue-rows.ts';
import { scratchCatalogue } from '../support/scratch-catalogue.ts';

const FAULT = new Failure('interrupted', 'It was interrupted', { hint: 'Start it again.' }).toJSON();

/** From which states each transition may happen, and where it leads. */
const JOB_RULES = {
  start: { from: ['queued'], to: 'running' },
  setPhase: { from: ['running'], to: 'running' },
  requeue: { from: ['running'], to: 'queued' },
  done: { from: ['running'], to: 'done' },
  failed: { from: ['queued', 'running'], to: 'failed' },
  cancelled: { from: ['queued', 'running'], to: 'cancelled' },
} as const satisfies Record<string, { from: readonly JobState[]; to: JobState }>;

type JobStep = keyof typeof JOB_RULES;

test('any order of transitions of a job follows the rules, and ends at most once', async () => {
  const { catalogue } = await scratchCatalogue();
  let number = 0;
  const steps = fc.array(fc.constantFrom(...(Object.keys(JOB_RULES) as JobStep[])), { maxLength: 8 });
  fc.assert(
    fc.property(steps, (order) => {
      const { id } = catalogue.jobs.insert(newJob(++number));
      const apply: Record<JobStep, () => unknown> = {
        start: () => catalogue.jobs.start(id, 'x'),
        setPhase: () => catalogue.jobs.setPhase(id, 'y'),
        requeue: () => catalogue.jobs.requeue(id),
        done: () => catalogue.jobs.finish(id, 'done'),
        failed: () => catalogue.jobs.finish(id, 'failed', FAULT),
        cancelled: () => catalogue.jobs.finish(id, 'cancelled', FAULT),
      };
      let state: JobState = 'queued';
      for (const step of order) {
        const rule: { from: readonly JobState[]; to: JobState } = JOB_RULES[step];
        const allowed = rule.from.includes(state);
        expect(happens(apply[step])).toBe(allowed);
        if (allowed) state = rule.to;
        expect(catalogue.jobs.get(id).state).toBe(state);
        expect(catalogue.jobs.active().some((job) => job.id === id)).toBe(state === 'queued' || state === 'running');
      }
      catalogue.jobs.forgetEnded(Number.MAX_SAFE_INTEGER);
    }),
    { numRuns: 100 },
  );
});

test('any order of changes of a backup follows the rules', async () => {
  const { catalogue } = await scratchCatalogue();
  let number = 0;
  const changes = ['complete', 'fail', 'lock', 'unlock', 'verified', 'damaged', 'delete'] as const;
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...changes), { maxLength: 8 }), (order) => {
      const { id } = catalogue.backups.insert(newBackup(++number));
      let [status, locked]: ['IN_PROGRESS' | 'COMPLETED' | 'FAILED' | 'gone', boolean] = ['IN_PROGRESS', false];
      for (const change of order) {
        const rule = {
          complete: () => status === 'IN_PROGRESS',
          fail: () => status === 'IN_PROGRESS',
          lock: () => status !== 'gone',
          unlock: () => status !== 'gone',
          verified: () => status === 'COMPLETED',
          damaged: () => status === 'COMPLETED',
          delete: () => (status === 'COMPLETED' || status === 'FAILED') && !locked,
        }[change];
        const apply = {
          complete: () => catalogue.backups.complete(id, completed()),
          fail: () => catalogue.backups.fail(id, FAULT),
          lock: () => catalogue.backups.setLocked(id, true),
          unlock: () => catalogue.backups.setLocked(id, false),
          verified: () => catalogue.backups.markVerified(id),
          damaged: () => catalogue.backups.markDamaged(id),
          delete: () => catalogue.backups.delete(id),
        }[change];
        const allowed = rule();
        expect(happens(apply)).toBe(allowed);
        if (allowed && change === 'complete') status = 'COMPLETED';
        if (allowed && change === 'fail') status = 'FAILED';
        if (allowed && change === 'delete') status = 'gone';
        if (allowed && (change === 'lock' || change === 'unlock')) locked = change === 'lock';
        const record = catalogue.backups.find(id);
        expect([record?.status ?? 'gone', record?.locked ?? locked]).toEqual([status, locked]);
      }
    }),
    { numRuns: 100 },
  );
});

/** True when the call went through; a refusal must be a Failure with its own code. */
function happens(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).code).not.toBe('internal');
    return false;
  }
}
