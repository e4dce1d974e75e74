/** Notifications over real connections: a sink that nothing listens at for a day, kills, and one that is not allowed. */
import { expect, test } from 'vitest';
import type { NoticeMessage } from '../../../src/jobs/notify/port.ts';
import { noticeSender } from '../../../src/protocols/notify/sender.ts';
import { backupId } from '../../support/catalogue-rows.ts';
import { freePort } from '../../support/free-port.ts';
import { type HttpSink, startSink } from '../../support/http-sink.ts';
import { StillClock } from '../../support/still-clock.ts';
import { backUp, notifyingNode } from './notifying-node.ts';

const HOUR = 3_600_000;
/** Longer than the longest pause between two tries. */
const PAUSE = HOUR / 4;

/** @param channels name and address of each; only 127.0.0.1 is allowed of private addresses. */
function nodeTelling(channels: Readonly<Record<string, string>>) {
  const lines = Object.entries(channels).map(
    ([name, url]) => `    - { name: ${name}, type: webhook, url: "${url}", events: [backup.completed] }\n`,
  );
  const sender = noticeSender({ clock: new StillClock(), userAgent: 'Roost/test' });
  return notifyingNode(`notify:\n  host_allowlist: [127.0.0.1]\n  channels:\n${lines.join('')}`, sender);
}

/** The backups that a sink was told of, in order. */
function backupsOf({ taken }: HttpSink): (string | null)[] {
  return taken.map(({ body }) => (JSON.parse(body) as NoticeMessage).backup);
}

const upTo = (count: number): string[] => Array.from({ length: count }, (_, index) => backupId(index + 1));

test('a sink that is down for 24 hours and three kills is told of each end once, in order, and holds up no other', async () => {
  const up = await startSink();
  const port = await freePort();
  const { time, state, settle, crash } = await nodeTelling({ up: up.url, down: `http://127.0.0.1:${port}/hook` });
  for (let hour = 1; hour <= 24; hour++) {
    if (hour % 6 === 0 && hour < 24) await crash((catalogue) => backUp(catalogue, hour));
    else backUp(state.catalogue, hour);
    await settle();
    expect(backupsOf(up)).toEqual(upTo(hour));
    time.advance(HOUR);
    await settle();
  }
  const { waiting, error } = state.catalogue.notices.counts().get('down') ?? {};
  expect([waiting, error]).toEqual([24, expect.stringContaining('ECONNREFUSED')]);

  const down = await startSink('127.0.0.1', port);
  time.advance(PAUSE);
  await settle();
  expect(backupsOf(down)).toEqual(upTo(24));
  expect(backupsOf(up)).toEqual(upTo(24));
  expect(state.catalogue.notices.counts().size).toBe(0);
});

test('a kill before a delivery and one right after it lose nothing: each end is told once or twice', async () => {
  const sink = await startSink();
  const { state, settle, crash } = await nodeTelling({ all: sink.url });
  for (let number = 1; number <= 6; number++) {
    if (number % 2 === 0) {
      await crash((catalogue) => backUp(catalogue, number));
      continue;
    }
    backUp(state.catalogue, number);
    state.onTold = () => {
      state.onTold = () => undefined;
      state.kill();
    };
    await settle();
    await crash();
  }
  expect(backupsOf(sink)).toEqual([1, 1, 2, 3, 3, 4, 5, 5, 6].map((number) => backupId(number)));
  const ids = sink.taken.map(({ body }) => (JSON.parse(body) as NoticeMessage).id);
  expect(new Set(ids).size).toBe(6);
});

test('a private address that is not allowed gets no connection for a day, and what is for it waits', async () => {
  const inside = await startSink('127.0.0.2');
  const { time, state, settle } = await nodeTelling({ inside: inside.url });
  backUp(state.catalogue, 1);
  for (let tries = 0; tries < 96; tries++) {
    await settle();
    time.advance(PAUSE);
  }
  expect([inside.received, await inside.connections()]).toEqual([[], 0]);
  expect(state.catalogue.notices.counts().get('inside')).toMatchObject({
    waiting: 1,
    error: expect.stringContaining('is a private address'),
  });
});
