import { describe, expect, test } from 'vitest';
import { Housekeeping } from '../../src/jobs/housekeeping/housekeeping.ts';
import { backUp, gate, outcome, SERVER, testNode } from '../support/node.ts';
import { failureOf, thrownBy } from '../support/rejection.ts';

const MINUTES = 60_000;

describe('a job that comes no further', () => {
  test('is ended as interrupted, says for how long and where, and leaves nothing', async () => {
    const node = await testNode();
    const writing = gate();
    node.archive.beforePiece = writing.pass;
    const { ended } = await node.service.create({ server: SERVER });
    await writing.reached;
    node.clock.advance(30 * MINUTES - 1);
    expect(node.runner.abortStalled(30 * MINUTES)).toEqual([]);
    node.clock.advance(1);
    expect(node.runner.abortStalled(30 * MINUTES)).toHaveLength(1);
    const failure = await failureOf(ended);
    expect(failure.code).toBe('interrupted');
    expect(failure.message).toBe('Cannot finish the job: it has come no further for 30 minutes (writing)');
    expect(failure.hint).toContain('roost doctor');
    expect(Array.from(node.memory.objects.keys())).toEqual([]);
    expect(node.runner.open()).toEqual([]);
  });

  test('is not one that got a byte further meanwhile', async () => {
    const node = await testNode();
    const steps = [gate(), gate()];
    node.archive.beforePiece = (_, piece) => steps[piece]?.pass();
    const accepted = await node.service.create({ server: SERVER });
    await steps[0]?.reached;
    node.clock.advance(29 * MINUTES);
    steps[0]?.open();
    await steps[1]?.reached;
    node.clock.advance(29 * MINUTES);
    expect(node.runner.abortStalled(30 * MINUTES)).toEqual([]);
    steps[1]?.open();
    expect(await outcome(accepted)).toBe('done');
  });

  test('is not one that waits in the queue', async () => {
    const node = await testNode({ concurrent: 1 });
    const writing = gate();
    node.archive.beforePiece = writing.pass;
    const first = await node.service.create({ server: SERVER });
    await writing.reached;
    const second = await node.service.create({ server: SERVER, whenBusy: 'queue' });
    node.clock.advance(60 * MINUTES);
    expect(node.runner.abortStalled(30 * MINUTES).map(({ id }) => id)).toEqual([first.job]);
    writing.open();
    expect(await outcome(first)).toBe('interrupted');
    expect(await outcome(second)).toBe('done');
  });
});

describe('the rates of a job', () => {
  test('are shared by those that run, until one is paced by itself, and follow while it runs', async () => {
    const node = await testNode({ backups: { readLimit: 0, writeLimit: 40 } });
    const writing = gate();
    node.archive.beforePiece = writing.pass;
    const { job, ended } = await node.service.create({ server: SERVER });
    await writing.reached;
    const [request] = node.archive.writes;
    expect(request?.rates?.()).toEqual({ read: 0, write: 40 });
    node.service.setRates(job, { writeLimit: 5, readLimit: 7 });
    expect(request?.rates?.()).toEqual({ read: 7, write: 5 });
    node.service.setRates(job, { writeLimit: 0 });
    expect(request?.rates?.()).toEqual({ read: 7, write: 0 });
    node.service.setRates(job, { writeLimit: null, readLimit: null });
    expect(request?.rates?.()).toEqual({ read: 0, write: 40 });
    writing.open();
    await ended;
    expect(thrownBy(() => node.service.setRates(job, { writeLimit: 1 }), 'not_running').message).toContain('has ended');
  });

  test('of the node are halved while two run', async () => {
    const node = await testNode({ backups: { readLimit: 10, writeLimit: 20 } });
    const first = await backUp(node);
    const verifying = gate();
    const writing = gate();
    node.archive.beforeVerify = verifying.pass;
    node.archive.beforePiece = writing.pass;
    const verified = await node.service.verify(SERVER, first);
    const created = await node.service.create({ server: SERVER });
    await Promise.all([verifying.reached, writing.reached]);
    expect(node.archive.writes.at(-1)?.rates?.()).toEqual({ read: 5, write: 10 });
    verifying.open();
    await verified.ended;
    expect(node.archive.writes.at(-1)?.rates?.()).toEqual({ read: 10, write: 20 });
    writing.open();
    await created.ended;
  });
});

describe('a process that stood still', () => {
  async function suspended(seconds: number) {
    const node = await testNode();
    const writing = gate();
    node.archive.beforePiece = writing.pass;
    const accepted = await node.service.create({ server: SERVER });
    await writing.reached;
    const jobs = { stalledMinutes: 1, rerunInterrupted: false };
    const config = { ...node.config, jobs, schedules: [], verification: { everyDays: 0 } };
    const housekeeping = Housekeeping.open({ ...node, config });
    await housekeeping.close();
    node.clock.advance(seconds * 1000);
    housekeeping.beat();
    return { node, writing, accepted };
  }

  test('ends no job when it goes on, however long that was', async () => {
    const { node, writing, accepted } = await suspended(7200);
    expect(node.runner.abortStalled(MINUTES)).toEqual([]);
    writing.open();
    expect(await outcome(accepted)).toBe('done');
  });

  test('and a job that comes no further after that is ended by its own time', async () => {
    const { node } = await suspended(7200);
    node.clock.advance(58_000);
    expect(node.runner.abortStalled(MINUTES)).toEqual([]);
    node.clock.advance(2000);
    expect(node.runner.abortStalled(MINUTES)).toHaveLength(1);
  });

  test('a beat that is a little late excuses nothing', async () => {
    const { node } = await suspended(9);
    node.clock.advance(51_000);
    expect(node.runner.abortStalled(MINUTES)).toHaveLength(1);
  });
});
