import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { type JobId, newJobId } from '../../../src/base/ids.ts';
import { silentLog } from '../../../src/base/log/log.ts';
import type { JobKind, JobState } from '../../../src/catalogue/records.ts';
import type { RoostEvent } from '../../../src/jobs/contract.ts';
import { EventHub } from '../../../src/jobs/runner/events.ts';
import { JobRunner, type SubmittedJob } from '../../../src/jobs/runner/runner.ts';
import type { RunningJob, Verb } from '../../../src/jobs/runner/verb.ts';
import { backupId, gate, outcome, scratchCatalogue, serverId } from '../../support/node.ts';
import { failureOf, thrownBy } from '../../support/rejection.ts';
import { StillClock } from '../../support/still-clock.ts';
import { BACKUP_DATA, FAILURE_DATA } from '../../support/events.ts';

interface Options {
  readonly concurrent?: number;
  readonly maxQueued?: number;
  readonly run?: (job: RunningJob) => Promise<void>;
}

const succeed = async (job: RunningJob): Promise<void> => job.commit(() => []);
const untilAborted = (job: RunningJob): Promise<void> =>
  new Promise((_, reject) => {
    job.signal.addEventListener('abort', () => reject(new Error('the verb broke off')));
  });

async function runnerOf({ concurrent = 2, maxQueued = 100, run = succeed }: Options) {
  const clock = new StillClock();
  const catalogue = await scratchCatalogue(clock);
  const events = new EventHub(clock, () => undefined);
  const told: RoostEvent[] = [];
  events.subscribe((event) => told.push(event));
  const verb = (kind: JobKind): Verb => ({
    kind,
    ...(kind === 'backup' ? { events: { started: 'backup.started', progress: 'backup.progress' } as const } : {}),
    run,
    failed: ({ server, id }) => [{ type: 'backup.failed', server, job: id, data: FAILURE_DATA }],
  });
  const verbs = (['backup', 'restore', 'verify', 'delete'] as const).map(verb);
  const runner = new JobRunner({ catalogue, verbs, events, clock, log: silentLog(), concurrent, maxQueued });
  let count = 0;
  const submit = (server: number, kind: JobKind = 'backup', backup = ++count): SubmittedJob =>
    runner.submit({ id: newJobId(), kind, server: serverId(server), backup: backupId(backup), request: {} });
  const stateOf = ({ record }: SubmittedJob): JobState => catalogue.jobs.get(record.id).state;
  return { catalogue, clock, events, runner, stateOf, submit, told };
}

describe('running jobs', () => {
  test('50 at once with a limit of 2: never more than 2 run, all end, in the order in which they came', async () => {
    let running = 0;
    let most = 0;
    const started: JobId[] = [];
    const { runner, submit, stateOf } = await runnerOf({
      run: async (job) => {
        started.push(job.record.id);
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running--;
        job.commit(() => []);
      },
    });
    const jobs = Array.from({ length: 50 }, (_, at) => submit(at));
    expect(jobs.map(({ record }) => runner.position(record.id)).slice(0, 4)).toEqual([null, null, 1, 2]);
    await Promise.all(jobs.map(({ ended }) => ended));
    expect(most).toBe(2);
    expect(started).toEqual(jobs.map(({ record }) => record.id));
    expect(new Set(jobs.map(stateOf))).toEqual(new Set(['done']));
    expect(runner.open()).toEqual([]);
  });

  test('a backup and a restore of one server never overlap, those of two servers do', async () => {
    const inside = new Map<string, number>();
    let overlapped = false;
    let together = 0;
    const { submit } = await runnerOf({
      concurrent: 8,
      run: async (job) => {
        const { server } = job.record;
        inside.set(server, (inside.get(server) ?? 0) + 1);
        if ((inside.get(server) ?? 0) > 1) overlapped = true;
        together = Math.max(
          together,
          [...inside.values()].reduce((sum, each) => sum + each, 0),
        );
        await new Promise(setImmediate);
        inside.set(server, 0);
        job.commit(() => []);
      },
    });
    const jobs = Array.from({ length: 30 }, (_, at) => submit(at % 3, at % 2 === 0 ? 'backup' : 'restore'));
    await Promise.all(jobs.map(({ ended }) => ended));
    expect(overlapped).toBe(false);
    expect(together).toBe(3);
  });

  test('a waiting restore starts before backups that came earlier', async () => {
    const first = gate();
    const order: string[] = [];
    const { submit } = await runnerOf({
      concurrent: 1,
      run: async (job) => {
        order.push(job.record.kind);
        if (order.length === 1) await first.pass();
        job.commit(() => []);
      },
    });
    const jobs = [submit(1), submit(2), submit(3), submit(4, 'restore')];
    first.open();
    await Promise.all(jobs.map(({ ended }) => ended));
    expect(order).toEqual(['backup', 'restore', 'backup', 'backup']);
  });

  test('the queue is bounded, and what was refused leaves no row', async () => {
    const { catalogue, submit } = await runnerOf({ concurrent: 1, maxQueued: 2, run: untilAborted });
    submit(1);
    submit(2);
    submit(3);
    thrownBy(() => submit(4), 'server_busy');
    expect(catalogue.jobs.list()).toHaveLength(3);
  });

  test('a removal does not wait for a slot', async () => {
    const { submit } = await runnerOf({
      concurrent: 1,
      run: (job) => (job.record.kind === 'delete' ? succeed(job) : untilAborted(job)),
    });
    submit(1);
    await submit(2, 'delete').ended;
  });

  test('when a job has ended, its server is free for whoever waited for the end', async () => {
    const { runner, submit } = await runnerOf({ concurrent: 1 });
    const { record, ended } = submit(1);
    await ended;
    expect(runner.open({ server: record.server })).toEqual([]);
    expect(runner.position(submit(1).record.id)).toBeNull();
  });

  test('the row and what is written alongside are stored together or not at all', async () => {
    const { catalogue, runner } = await runnerOf({});
    const job = { id: newJobId(), kind: 'backup' as const, server: serverId(1), backup: backupId(1), request: {} };
    const refuse = (): void => {
      catalogue.keys.setText('alongside', 'written');
      throw new Failure('backup_exists', 'taken');
    };
    thrownBy(() => runner.submit(job, refuse), 'backup_exists');
    expect([catalogue.jobs.list(), catalogue.keys.getText('alongside')]).toEqual([[], undefined]);
    expect(runner.open()).toEqual([]);
  });
});

describe('the end of a job', () => {
  test('events of a success go out after its commit, and the last progress is complete', async () => {
    const states: JobState[] = [];
    const { catalogue, events, submit, told } = await runnerOf({
      run: async (job) => {
        job.progress({ bytesDone: 5, bytesTotal: 10, filesDone: 1, filesTotal: 2 });
        job.commit(() => [{ type: 'backup.completed', server: job.record.server, data: BACKUP_DATA }]);
      },
    });
    events.subscribe(({ type }) => {
      if (type === 'backup.completed') states.push(...catalogue.jobs.list().map(({ state }) => state));
    });
    await submit(1).ended;
    expect(states).toEqual(['done']);
    expect(told.map(({ type }) => type)).toEqual([
      'backup.started',
      'backup.progress',
      'backup.progress',
      'backup.completed',
    ]);
    expect(told[2]?.data).toMatchObject({ bytesDone: 10, bytesTotal: 10, filesDone: 2, filesTotal: 2 });
  });

  test.each([
    ['throws a Failure', () => Promise.reject(new Failure('too_large', 'too large')), 'too_large'],
    ['throws what nobody foresaw', () => Promise.reject(new TypeError('undefined is not a function')), 'internal'],
    ['returns without a result', async () => undefined, 'internal'],
  ])('a verb that %s fails its job with that reason', async (_, run, code) => {
    const { catalogue, submit, told } = await runnerOf({ run });
    const job = submit(1);
    await failureOf(job.ended, code as Failure['code']);
    expect(catalogue.jobs.get(job.record.id)).toMatchObject({ state: 'failed', error: { code } });
    expect(told.at(-1)?.type).toBe('backup.failed');
  });

  test('what fails after the commit is no failure of the job', async () => {
    const { stateOf, submit } = await runnerOf({
      run: async (job) => {
        job.commit(() => []);
        throw new Error('cleaning up failed');
      },
    });
    const job = submit(1);
    await job.ended;
    expect(stateOf(job)).toBe('done');
  });

  test('a commit that cannot be stored fails the job', async () => {
    const { stateOf, submit } = await runnerOf({
      run: async (job) =>
        job.commit(() => {
          throw new Failure('insufficient_storage', 'the disk is full');
        }),
    });
    const job = submit(1);
    await failureOf(job.ended, 'insufficient_storage');
    expect(stateOf(job)).toBe('failed');
  });

  test('a second commit is refused', async () => {
    const refused = Promise.withResolvers<Failure>();
    const { submit } = await runnerOf({
      run: async (job) => {
        job.commit(() => []);
        refused.resolve(thrownBy(() => job.commit(() => []), 'not_running'));
      },
    });
    await submit(1).ended;
    await refused.promise;
  });
});

describe('cancelling', () => {
  test('a job that waits is over at once, without ever having run', async () => {
    const ran: JobId[] = [];
    const { runner, stateOf, submit } = await runnerOf({
      concurrent: 1,
      run: (job) => {
        ran.push(job.record.id);
        return untilAborted(job);
      },
    });
    const [first, second] = [submit(1), submit(2)];
    runner.cancel(second.record.id);
    expect(stateOf(second)).toBe('cancelled');
    expect(await outcome(second)).toBe('cancelled');
    expect(ran).toEqual([first.record.id]);
  });

  test('a job that runs ends as cancelled, whatever its verb stumbles over on the way out', async () => {
    const { catalogue, runner, submit } = await runnerOf({ run: untilAborted });
    const job = submit(1);
    runner.cancel(job.record.id);
    expect(await outcome(job)).toBe('cancelled');
    expect(catalogue.jobs.get(job.record.id)).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' } });
  });

  test('a cancellation that was accepted is never followed by a success', async () => {
    const work = gate();
    const { runner, stateOf, submit } = await runnerOf({
      run: async (job) => {
        await work.pass();
        job.commit(() => []);
      },
    });
    const job = submit(1);
    await work.reached;
    runner.cancel(job.record.id);
    work.open();
    expect(await outcome(job)).toBe('cancelled');
    expect(stateOf(job)).toBe('cancelled');
  });

  test('past the point of no return it is refused, and the job is done', async () => {
    const work = gate();
    const { runner, stateOf, submit } = await runnerOf({
      run: async (job) => {
        job.passPointOfNoReturn();
        await work.pass();
        job.commit(() => []);
      },
    });
    const job = submit(1);
    await work.reached;
    thrownBy(() => runner.cancel(job.record.id), 'not_running');
    work.open();
    await job.ended;
    expect(stateOf(job)).toBe('done');
  });

  test('what has ended, or never was, is not running', async () => {
    const { runner, submit } = await runnerOf({});
    const job = submit(1);
    await job.ended;
    thrownBy(() => runner.cancel(job.record.id), 'not_running');
    thrownBy(() => runner.cancel(newJobId()), 'not_running');
  });

  test('the next job of the server starts when a cancelled one has let go', async () => {
    const { runner, submit, stateOf } = await runnerOf({
      run: (job) => (job.record.kind === 'restore' ? succeed(job) : untilAborted(job)),
    });
    const waiting: unknown[] = [];
    runner.watchQueue(({ id, kind }) => waiting.push([id, kind]));
    const [first, second] = [submit(1), submit(1, 'restore')];
    expect(stateOf(second)).toBe('queued');
    expect(waiting).toEqual([[second.record.id, 'restore']]);
    runner.cancel(first.record.id);
    await second.ended;
  });
});

describe('draining', () => {
  test('refuses new jobs, ends waiting ones as interrupted, and lets running ones finish', async () => {
    const work = gate();
    const { runner, stateOf, submit } = await runnerOf({
      concurrent: 1,
      run: async (job) => {
        await work.pass();
        job.commit(() => []);
      },
    });
    const [running, waiting] = [submit(1), submit(2)];
    const drained = runner.drain(new AbortController().signal);
    thrownBy(() => submit(3), 'draining');
    expect(await outcome(waiting)).toBe('interrupted');
    work.open();
    await drained;
    expect([running, waiting].map(stateOf)).toEqual(['done', 'failed']);
  });

  test('at the deadline what still runs is interrupted', async () => {
    const deadline = new AbortController();
    const { catalogue, runner, submit } = await runnerOf({ run: untilAborted });
    const job = submit(1);
    const drained = runner.drain(deadline.signal);
    deadline.abort();
    await drained;
    expect(catalogue.jobs.get(job.record.id)).toMatchObject({ state: 'failed', error: { code: 'interrupted' } });
  });

  test('a job past its point of no return is waited for, deadline or not', async () => {
    const work = gate();
    const { runner, stateOf, submit } = await runnerOf({
      run: async (job) => {
        job.passPointOfNoReturn();
        await work.pass();
        job.commit(() => []);
      },
    });
    const job = submit(1);
    await work.reached;
    const drained = runner.drain(AbortSignal.abort());
    work.open();
    await drained;
    expect(stateOf(job)).toBe('done');
  });
});
