import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { backupId, jobId, newJob, serverId } from '../../support/catalogue-rows.ts';
import { backUp, notifyingNode } from './notifying-node.ts';

const DAY = 86_400_000;
const AWAY = new Failure('store_unreachable', 'Cannot send: it is away', { retry: true });
const ALL = `
notify:
  channels:
    - { name: ops, type: webhook, url: "https://ops.test", events: [backup.started, backup.completed, backup.failed, backup.cancelled, backup.suspect, backup.damaged, restore.completed, restore.failed, schedule.refused, server.recovered] }
`;

/** A node that tells of all that the channel of `ALL` wants. */
const node = (yaml = ALL) => notifyingNode(yaml);

describe('what is told', () => {
  test('is each end of a backup, with its numbers or its reason, once', async () => {
    const { catalogue, settle, told } = await node();
    backUp(catalogue, 1);
    backUp(catalogue, 2, 'failed');
    backUp(catalogue, 3, 'cancelled');
    backUp(catalogue, 4, 'suspect');
    await settle();
    await settle();
    expect(told.map(({ message: { event, level, message } }) => [event, level, message])).toEqual([
      ['backup.completed', 'good', 'A backup of survival is complete: 3 files, 1000 B'],
      ['backup.failed', 'bad', 'A backup of survival failed: No room'],
      ['backup.cancelled', 'info', 'A backup of survival was cancelled'],
      ['backup.suspect', 'bad', 'A backup of survival is suspect: It holds no files'],
    ]);
    expect(told[0]?.message).toMatchObject({
      node: 'node1',
      server: { id: serverId(1), name: 'survival' },
      backup: backupId(1),
      job: jobId(1),
      data: { size: 1000, files: 3 },
    });
    expect(told[1]?.message).toMatchObject({ hint: 'Free some.', data: { code: 'insufficient_storage' } });
  });

  test('is damage, whatever found it, and the end of a restore but of no dry run', async () => {
    const { catalogue, settle, eventsTold } = await node();
    backUp(catalogue, 1);
    catalogue.backups.markDamaged(backupId(1));
    catalogue.backups.markDamaged(backupId(1));
    for (const [number, request] of [
      [2, {}],
      [3, { dryRun: true }],
    ] as const) {
      catalogue.jobs.insert({ ...newJob(number), kind: 'restore', request });
      catalogue.jobs.start(jobId(number), 'unpack');
      catalogue.jobs.finish(jobId(number), 'done');
    }
    await settle();
    expect(eventsTold()).toEqual(['backup.completed', 'backup.damaged', 'restore.completed']);
  });

  test('calls an undo no restore', async () => {
    const { catalogue, settle, told } = await node();
    for (const number of [1, 2]) {
      catalogue.jobs.insert({ ...newJob(number), kind: 'restore', request: { undo: true } });
      catalogue.jobs.start(jobId(number), 'swap');
    }
    catalogue.jobs.finish(jobId(1), 'done');
    catalogue.jobs.finish(jobId(2), 'failed', new Failure('internal', 'A rename failed'));
    await settle();
    expect(told.map(({ message }) => message.message)).toEqual([
      'A restore of survival was undone',
      'An undo of a restore of survival failed: A rename failed',
    ]);
  });

  test('is that a server has a good backup again, after one that failed', async () => {
    const { catalogue, settle, eventsTold } = await node();
    for (const [number, end] of (['failed', 'done', 'done'] as const).entries()) backUp(catalogue, number + 1, end);
    await settle();
    expect(eventsTold()).toEqual(['backup.failed', 'backup.completed', 'server.recovered', 'backup.completed']);
  });

  test('is no repetition where a channel wants changes only, by server', async () => {
    const { catalogue, settle, eventsTold } = await node(
      ALL.replace('type: webhook', 'type: webhook, only_changes: true'),
    );
    const ends = ['failed', 'failed', 'done', 'done', 'failed'] as const;
    for (const [number, end] of ends.entries()) backUp(catalogue, number + 1, end);
    backUp(catalogue, 9, 'failed', 2);
    await settle();
    expect(eventsTold()).toEqual(['backup.failed', 'server.recovered', 'backup.failed', 'backup.failed']);
  });

  test('is the start of a backup, and a scheduled one that was refused', async () => {
    const { events, settle, eventsTold, told } = await node();
    events().publish({ type: 'backup.started', server: serverId(1), backup: backupId(1), job: jobId(1), data: {} });
    const error = { code: 'too_many_backups', message: 'It has 3 of 3', hint: 'Delete one.' } as const;
    events().publish({
      type: 'schedule.missed',
      server: serverId(1),
      data: { cron: '0 4 * * *', missed: 1, run: false, error },
    });
    events().publish({
      type: 'schedule.missed',
      server: serverId(1),
      data: { cron: '0 4 * * *', missed: 1, run: true },
    });
    await settle();
    expect(eventsTold()).toEqual(['backup.started', 'schedule.refused']);
    expect(told[1]?.message).toMatchObject({ hint: 'Delete one.', data: { code: 'too_many_backups' } });
  });

  test('is left out for channels of other servers or other events', async () => {
    const { catalogue, settle, told } = await node(`
notify:
  channels:
    - { name: other, type: webhook, url: "https://a.test", servers: [${serverId(2)}] }
    - { name: mine, type: webhook, url: "https://a.test", servers: [${serverId(1)}], events: [backup.failed] }
`);
    backUp(catalogue, 1, 'failed');
    backUp(catalogue, 2);
    await settle();
    expect(told.map(({ channel, message }) => `${channel} ${message.event}`)).toEqual(['mine backup.failed']);
  });
});

describe('a channel', () => {
  const TWO = `
notify:
  channels:
    - { name: down, type: webhook, url: "https://down.test", events: [backup.completed] }
    - { name: up, type: webhook, url: "https://up.test", events: [backup.completed] }
`;

  test('that is away for 24 hours gets everything in order once it is back, and delays no other', async () => {
    const { catalogue, time, state, settle, eventsTold, told } = await node(TWO);
    state.refuse = ({ name }) => (name === 'down' ? AWAY : undefined);
    for (let hour = 1; hour <= 24; hour++) {
      backUp(catalogue, hour);
      await settle();
      expect(eventsTold('up')).toHaveLength(hour);
      time.advance(3_600_000);
    }
    await settle();
    expect(eventsTold('down')).toEqual([]);
    state.refuse = () => undefined;
    time.advance(15 * 60_000);
    await settle();
    const numbers = told.filter(({ channel }) => channel === 'down').map(({ message }) => message.backup);
    expect(numbers).toEqual(Array.from({ length: 24 }, (_, index) => backupId(index + 1)));
    expect(catalogue.notices.counts().size).toBe(0);
  });

  test('that asks for a pause is not asked again before it is over', async () => {
    const { catalogue, time, state, settle, eventsTold } = await node(TWO);
    const tries: number[] = [];
    state.refuse = ({ name }) => {
      if (name !== 'down') return undefined;
      tries.push(time.now());
      return new Failure('store_unreachable', 'Too fast', { facts: { retryAfterMs: 300_000 } });
    };
    backUp(catalogue, 1);
    await settle();
    time.advance(299_000);
    await settle();
    expect(tries).toHaveLength(1);
    time.advance(2000);
    await settle();
    expect(tries).toHaveLength(2);
    expect(eventsTold('up')).toHaveLength(1);
  });

  test('that refuses one message for what it says gives it up after hours, and hears of the next', async () => {
    const { catalogue, time, state, settle, told } = await node(TWO);
    const refusal = (status: number) => new Failure('store_unreachable', 'Refused', { facts: { status }, retry: true });
    state.refuse = ({ name }, { backup }) => (name === 'down' && backup === backupId(1) ? refusal(400) : undefined);
    for (const number of [1, 2]) backUp(catalogue, number);
    const quarterHours = async (count: number) => {
      for (let at = 0; at < count; at++) {
        await settle();
        time.advance(15 * 60_000);
      }
      await settle();
      return told.filter(({ channel }) => channel === 'down').map(({ message }) => message.backup);
    };
    expect(await quarterHours(4)).toEqual([]);
    expect(await quarterHours(20)).toEqual([backupId(2)]);
    // What is about the channel and not about a message is never given up so.
    state.refuse = ({ name }) => (name === 'down' ? refusal(403) : undefined);
    backUp(catalogue, 3);
    expect(await quarterHours(30)).toEqual([backupId(2)]);
    expect(catalogue.notices.counts().get('down')).toMatchObject({ waiting: 1 });
  });

  test('that takes nothing for a week loses what is older, and no more', async () => {
    const { catalogue, time, state, settle } = await node(TWO);
    state.refuse = ({ name }) => (name === 'down' ? AWAY : undefined);
    backUp(catalogue, 1);
    await settle();
    time.advance(6 * DAY);
    backUp(catalogue, 2);
    await settle();
    expect(catalogue.notices.counts().get('down')).toMatchObject({ waiting: 2, error: 'Cannot send: it is away' });
    time.advance(1.5 * DAY);
    await settle();
    expect(catalogue.notices.counts().get('down')).toMatchObject({ waiting: 1 });
  });
});

describe('a crash', () => {
  test('between the end of a job and everything else loses nothing', async () => {
    const { crash, eventsTold } = await node();
    await crash((catalogue) => {
      backUp(catalogue, 1);
      backUp(catalogue, 2, 'failed');
    });
    expect(eventsTold()).toEqual(['backup.completed', 'backup.failed']);
  });

  test('while a channel is away loses nothing, and what waits is tried at once', async () => {
    const { catalogue, state, settle, crash, eventsTold } = await node();
    state.refuse = () => AWAY;
    backUp(catalogue, 1);
    await settle();
    state.refuse = () => undefined;
    await crash();
    expect(eventsTold()).toEqual(['backup.completed']);
  });

  test('after a channel has taken a message tells it again, under the same id, and no third time', async () => {
    const { catalogue, state, settle, crash, told } = await node();
    backUp(catalogue, 1);
    state.onTold = () => {
      state.onTold = () => undefined;
      // The row cannot be removed any more: as far as the disk knows it was never sent.
      state.kill();
    };
    await settle();
    expect(told).toHaveLength(1);
    await crash();
    expect(told).toHaveLength(2);
    expect(told[1]?.message.id).toBe(told[0]?.message.id);
    await settle();
    expect(told).toHaveLength(2);
  });
});
