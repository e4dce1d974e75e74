import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { silentLog } from '../../../src/base/log/log.ts';
import type { ServerId } from '../../../src/base/ids.ts';
import { parseConfig } from '../../../src/config/config.ts';
import type { NoticeMessage } from '../../../src/jobs/notify/port.ts';
import { NoticeWatch } from '../../../src/jobs/notify/watch.ts';
import { StoreSet } from '../../../src/jobs/stored/stores.ts';
import { backupId, completed, newBackup, serverId } from '../../support/catalogue-rows.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { scratchCatalogue } from '../../support/scratch-catalogue.ts';

const HOUR = 3_600_000;
const NIGHTLY = 'schedules: [ { server: "*", cron: "0 4 * * *", timezone: UTC } ]';
const CHANNEL = 'notify: { channels: [ { name: ops, type: webhook, url: "https://ops.test" } ] }';

/** Midnight; servers 1 to `count` are there. */
async function watched(yaml = NIGHTLY, count = 1) {
  const time = new ManualTime();
  const { catalogue } = await scratchCatalogue(time);
  const config = parseConfig('c.yml', `${yaml}\n${CHANNEL}`, {});
  const servers = Array.from({ length: count }, (_, index) => serverId(index + 1));
  let away: Failure | undefined;
  const answering = new (class extends MemoryStore {
    override async check(): Promise<void> {
      if (away !== undefined) throw away;
    }
  })();
  const watch = new NoticeWatch({
    catalogue,
    config,
    clock: time,
    timers: time,
    log: silentLog(),
    node: 'node1',
    nameOf: (id: ServerId) => `server ${servers.indexOf(id) + 1}`,
    registry: { list: async () => servers.map((id) => ({ id, name: id, path: `/srv/${id}` })) },
    stores: new StoreSet([answering], answering.name),
    wake: () => undefined,
  });
  const told = (): string[] => {
    const messages: string[] = [];
    for (let next = catalogue.notices.next('ops'); next !== undefined; next = catalogue.notices.next('ops')) {
      const { event, message } = next.message as NoticeMessage;
      messages.push(`${event}: ${message}`);
      catalogue.notices.delete(next.id);
    }
    return messages;
  };
  return {
    catalogue,
    time,
    servers,
    setAway: (failure: Failure | undefined) => (away = failure),
    /** Looks once, and returns what is told of it. */
    look: async () => {
      watch.start();
      await watch.settled();
      await watch.close();
      return told();
    },
    backUp: (number: number, server = 1) => {
      catalogue.backups.insert(newBackup(number, { server: serverId(server) }));
      catalogue.backups.complete(backupId(number), completed());
    },
  };
}

describe('a server', () => {
  test('that outgrows its schedule is told once, and once more when it is protected again', async () => {
    const { look, time, backUp } = await watched();
    backUp(1);
    expect(await look()).toEqual([]);
    time.advance(9.9 * HOUR);
    expect(await look()).toEqual([]);
    time.advance(0.2 * HOUR);
    expect(await look()).toEqual([
      'server.overdue: server 1 is overdue: its schedule passed without a good backup, and the last good one is 10 hours old',
    ]);
    expect(await look()).toEqual([]);
    backUp(2);
    expect(await look()).toEqual(['server.recovered: server 1 has a good backup again']);
  });

  test('is not protected again by a backup whose deletion failed half-way', async () => {
    const { catalogue, look, time, backUp } = await watched();
    backUp(1);
    expect(await look()).toEqual([]);
    time.advance(10.1 * HOUR);
    expect(await look()).toHaveLength(1);
    backUp(2);
    catalogue.backups.markRemoving(backupId(2));
    expect(await look()).toEqual([]);
  });

  test('that was never backed up is overdue only once a time has passed since it was first seen', async () => {
    const { look, time } = await watched();
    time.advance(12 * HOUR);
    expect(await look()).toEqual([]);
    time.advance(21 * HOUR);
    expect(await look()).toEqual([]);
    time.advance(1.1 * HOUR);
    expect(await look()).toEqual([
      'server.overdue: server 1 is overdue: its schedule passed without a good backup, and there is none',
    ]);
  });

  test('without a schedule is told once, unless a panel has its own; a suspended one is not', async () => {
    const bare = await watched('schedules: []');
    expect(await bare.look()).toEqual(['server.unprotected: server 1 has no schedule: nothing backs it up by itself']);
    expect(await bare.look()).toEqual([]);
    const panel = 'panel: { flavour: pelican, url: "https://p.test", token_id: a, token: bbbbbbbbbbbbbbbbbbbb }';
    expect(await (await watched(panel)).look()).toEqual([]);
    const suspended = await watched('schedules: []');
    suspended.catalogue.servers.setSuspended(serverId(1), true);
    expect(await suspended.look()).toEqual([]);
  });

  test('among many is told in one message', async () => {
    const { look } = await watched('schedules: []', 12);
    expect(await look()).toEqual([
      expect.stringMatching(/^server\.unprotected: 12 servers are without a schedule: server 1, .* and 2 more$/),
    ]);
  });
});

test('a store that does not answer twice in a row is away, told once, and told when it is back', async () => {
  const { look, setAway } = await watched();
  setAway(new Failure('store_unreachable', 'Its disk is not mounted', { hint: 'Mount it.' }));
  expect(await look()).toEqual([]);
  expect(await look()).toEqual(['store.away: The store "memory" is away: Its disk is not mounted']);
  expect(await look()).toEqual([]);
  setAway(undefined);
  expect(await look()).toEqual(['store.back: The store "memory" answers again']);
  setAway(new Failure('store_unreachable', 'Its disk is not mounted'));
  expect(await look()).toEqual([]);
  setAway(undefined);
  expect(await look()).toEqual([]);
});
