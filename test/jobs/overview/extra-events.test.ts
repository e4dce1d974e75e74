import { expect, test } from 'vitest';
import { newBackupId, newJobId } from '../../../src/base/ids.ts';
import type { JobRecord } from '../../../src/catalogue/records.ts';
import type { ExtraEvent } from '../../../src/jobs/node-contract.ts';
import { ExtraEventSource } from '../../../src/jobs/overview/extra-events.ts';
import { StoreSet } from '../../../src/jobs/stored/stores.ts';
import { EXTRA_DATA } from '../../../src/protocols/native/events/schemas.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { SERVER } from '../../support/scripted-service.ts';

function source() {
  const memory = new MemoryStore();
  const time = new ManualTime();
  let queue: (job: JobRecord) => void = () => undefined;
  let free = 100;
  let looks = 0;
  let away: Error | undefined;
  memory.check = () => {
    looks++;
    return away === undefined ? Promise.resolve() : Promise.reject(away);
  };
  memory.freeSpace = () => Promise.resolve({ bytes: free, inodes: null });
  const events = new ExtraEventSource({
    runner: { watchQueue: (listener) => (queue = listener) },
    stores: new StoreSet([memory], memory.name),
    config: { limits: { reserveFree: 50 } as never },
    timers: time,
  });
  const heard: ExtraEvent[] = [];
  return {
    events,
    heard,
    follow: (which: 'queue' | 'stores') => events.follow(which, (event) => heard.push(event)),
    wait: (job: JobRecord) => queue(job),
    looks: () => looks,
    time,
    set: (bytes: number, failure?: Error) => ([free, away] = [bytes, failure]),
    minute: async () => {
      await settled();
      time.advance(60_000);
      await settled();
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('each change of a store is told once, by the document’s schema', async () => {
  const { follow, heard, minute, set } = source();
  follow('stores');
  await minute();
  expect(heard).toEqual([]);
  set(40);
  await minute();
  await minute();
  set(0, new Error('the disk is gone'));
  await minute();
  set(90);
  await minute();
  const [full, gone, back, ...more] = heard.map(({ data }) => data);
  expect([full, gone, back, ...more]).toEqual([
    { store: 'memory', state: 'full', freeBytes: 40 },
    { store: 'memory', state: 'away', freeBytes: null, reason: expect.stringContaining('gone') },
    { store: 'memory', state: 'up', freeBytes: 90 },
  ]);
  for (const { type, data } of heard) expect(EXTRA_DATA[type].parse(data)).toEqual(data);
});

test('stores are looked at while somebody follows them, and what changed meanwhile is no event', async () => {
  const { follow, heard, looks, minute, set } = source();
  await minute();
  expect(looks()).toBe(0);
  const [end, other] = [follow('stores'), follow('stores')];
  await minute();
  expect(looks()).toBe(2);
  end();
  await minute();
  expect(looks()).toBe(3);
  other();
  await minute();
  expect(looks()).toBe(3);
  set(1);
  const again = follow('stores');
  await minute();
  expect(heard).toEqual([]);
  again();
});

test('a job that has to wait is told to those who follow the queue', () => {
  const { follow, heard, wait } = source();
  const job = { id: newJobId(), kind: 'restore', server: SERVER, backup: newBackupId() };
  wait(job as JobRecord);
  const end = follow('queue');
  wait(job as JobRecord);
  end();
  wait(job as JobRecord);
  expect(heard).toEqual([
    { type: 'job.queued', server: SERVER, backup: job.backup, job: job.id, data: { kind: 'restore' } },
  ]);
});
