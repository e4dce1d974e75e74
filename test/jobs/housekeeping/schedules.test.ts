import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import type { ScheduleConfig } from '../../../src/config/types.ts';
import { Schedules } from '../../../src/jobs/housekeeping/schedules.ts';
import { gate, type NodeOptions, SERVER, serverId, testNode } from '../../support/node.ts';
import { StillClock } from '../../support/still-clock.ts';

const SECOND = 1000;
const HOUR = 3_600_000;
const DAILY: ScheduleConfig = { server: SERVER, cron: '0 4 * * *', timezone: 'UTC', missed: 'run', ignore: [] };

/** A node whose schedules are looked at every second, as the daemon does. */
async function scheduledNode(schedules: readonly ScheduleConfig[], from: string, options: NodeOptions = {}) {
  const clock = new StillClock(Date.parse(from));
  const node = await testNode({ ...options, clock });
  await node.registry.get(SERVER);
  let running = new Schedules(schedules, node);
  const fired = () => node.catalogue.backups.list().map(({ createdAt }) => new Date(createdAt).toISOString());
  const passTime = async (milliseconds: number, step = SECOND): Promise<void> => {
    for (let passed = 0; passed < milliseconds; passed += step) {
      clock.advance(step);
      await running.tick();
    }
  };
  const restart = (others = schedules): void => void (running = new Schedules(others, node));
  const missed = () => node.told.filter(({ type }) => type === 'schedule.missed').map(({ data }) => data);
  const settled = async (): Promise<void> => {
    while (node.runner.open().length > 0) await new Promise(setImmediate);
  };
  return { ...node, clock, fired, passTime, restart, missed, settled, tick: () => running.tick() };
}

describe('a schedule', () => {
  test('fires in the second of its time, once, with its ignore list', async () => {
    const node = await scheduledNode([{ ...DAILY, ignore: ['*.log'] }], '2026-03-18T03:59:50Z');
    await node.passTime(9 * SECOND);
    expect(node.fired()).toEqual([]);
    await node.passTime(120 * SECOND);
    expect(node.fired()).toEqual(['2026-03-18T04:00:00.000Z']);
    expect(node.catalogue.backups.list()[0]?.ignore).toEqual(['*.log']);
    expect(node.missed()).toEqual([]);
  });

  test('that a reload brings fires from then on, one that it takes away does not, and one that stays misses nothing', async () => {
    const hourly = { ...DAILY, cron: '30 * * * *' };
    const schedules: ScheduleConfig[] = [];
    const node = await scheduledNode(schedules, '2026-03-18T03:20:00Z');
    await node.passTime(60 * SECOND);
    schedules.push(DAILY, hourly);
    await node.passTime(30 * 60 * SECOND);
    expect(node.fired()).toEqual(['2026-03-18T03:30:00.000Z']);
    schedules.splice(0, 2, { ...DAILY, ignore: ['*.log'] });
    await node.settled();
    await node.passTime(HOUR);
    expect(node.fired()).toEqual(['2026-03-18T04:00:00.000Z', '2026-03-18T03:30:00.000Z']);
    expect(node.catalogue.backups.list()[0]?.ignore).toEqual(['*.log']);
    // Another reload of the same keeps how far it was followed; put back after a while, nothing of that while is missed.
    schedules.splice(0, 1, { ...DAILY }, hourly);
    await node.passTime(SECOND);
    expect(node.missed()).toEqual([]);
  });

  test('goes by the clock of its own time zone, over the change to summer time too', async () => {
    const berlin = { ...DAILY, timezone: 'Europe/Berlin' };
    const node = await scheduledNode([berlin], '2026-03-28T00:00:00Z');
    await node.passTime(60 * HOUR, HOUR / 2);
    // 29 March 2026, 02:00: an hour is left out.
    expect(node.fired()).toEqual(['2026-03-30T02:00:00.000Z', '2026-03-29T02:00:00.000Z', '2026-03-28T03:00:00.000Z']);
  });

  test('that falls into the hour which comes twice in autumn fires once', async () => {
    const node = await scheduledNode(
      [{ ...DAILY, cron: '30 2 * * *', timezone: 'Europe/Berlin' }],
      '2026-10-24T22:00:00Z',
    );
    await node.passTime(6 * HOUR, HOUR / 2);
    expect(node.fired()).toHaveLength(1);
  });

  test('for every server takes those that are there when it fires, suspended ones aside', async () => {
    const node = await scheduledNode([{ ...DAILY, server: '*' }], '2026-03-18T03:59:59Z');
    for (const number of [2, 3]) await node.registry.get(serverId(number));
    node.catalogue.servers.setSuspended(serverId(2), true);
    await node.passTime(SECOND);
    await node.settled();
    const servers = node.catalogue.backups.list().map(({ server }) => server);
    expect(servers.sort()).toEqual([SERVER, serverId(3)]);
  });

  test('waits behind what runs on the server, and never queues twice', async () => {
    const node = await scheduledNode([{ ...DAILY, cron: '* * * * *' }], '2026-03-18T03:59:59Z');
    const writing = gate();
    node.archive.beforePiece = writing.pass;
    await node.service.create({ server: SERVER });
    await writing.reached;
    await node.passTime(10 * 60 * SECOND);
    expect(node.runner.open().map(({ state }) => state)).toEqual(['running', 'queued']);
    writing.open();
    await node.settled();
  });

  test('tells which server was refused, and goes on with the next', async () => {
    const node = await scheduledNode([{ ...DAILY, server: '*' }], '2026-03-18T03:59:59Z', { limits: { perServer: 1 } });
    await (
      await node.service.create({ server: SERVER })
    ).ended;
    await node.registry.get(serverId(2));
    await node.passTime(SECOND);
    await node.settled();
    expect(node.catalogue.backups.list({ server: serverId(2) })).toHaveLength(1);
    expect(node.missed()).toMatchObject([{ run: false, error: { code: 'too_many_backups' } }]);
  });
});

describe('a time at which the servers cannot be looked up', () => {
  const every = { ...DAILY, server: '*' } as const;

  test('stays due until they can, and holds up no other schedule', async () => {
    const node = await scheduledNode([every, { ...DAILY, server: serverId(2) }], '2026-03-18T03:59:59Z');
    const list = node.registry.list.bind(node.registry);
    node.registry.list = () => Promise.reject(new Failure('internal', 'Cannot look up servers: EIO'));
    await node.passTime(3 * SECOND);
    expect(node.catalogue.backups.list().map(({ server }) => server)).toEqual([serverId(2)]);
    node.registry.list = list;
    await node.passTime(SECOND);
    await node.settled();
    expect(node.catalogue.backups.list({ server: SERVER })).toHaveLength(1);
    expect(node.missed()).toEqual([]);
  });

  test('is told as missed when that took longer than a minute', async () => {
    const node = await scheduledNode([{ ...every, missed: 'skip' }], '2026-03-18T03:59:59Z');
    const list = node.registry.list.bind(node.registry);
    node.registry.list = () => Promise.reject(new Failure('internal', 'Cannot look up servers: EIO'));
    await node.passTime(90 * SECOND);
    node.registry.list = list;
    await node.passTime(SECOND);
    expect(node.missed()).toEqual([{ cron: DAILY.cron, missed: 1, run: false }]);
    expect(node.fired()).toEqual([]);
  });
});

describe('times that passed while nothing ran', () => {
  test('are told, and made up for once', async () => {
    const node = await scheduledNode([DAILY], '2026-03-18T03:00:00Z');
    await node.passTime(SECOND);
    node.clock.advance(72 * HOUR);
    node.restart();
    await node.passTime(5 * SECOND);
    expect(node.missed()).toEqual([{ cron: DAILY.cron, missed: 3, run: true }]);
    expect(node.fired()).toHaveLength(1);
  });

  test('are told and skipped where that is asked', async () => {
    const node = await scheduledNode([{ ...DAILY, missed: 'skip' }], '2026-03-18T03:00:00Z');
    await node.passTime(SECOND);
    node.clock.advance(24 * HOUR);
    node.restart([{ ...DAILY, missed: 'skip' }]);
    await node.passTime(5 * SECOND);
    expect(node.missed()).toEqual([{ cron: DAILY.cron, missed: 1, run: false }]);
    expect(node.fired()).toEqual([]);
  });

  test('are not missed when the daemon was back within the minute', async () => {
    const node = await scheduledNode([{ ...DAILY, missed: 'skip' }], '2026-03-18T03:59:00Z');
    await node.tick();
    node.clock.advance(90 * SECOND);
    node.restart([{ ...DAILY, missed: 'skip' }]);
    await node.tick();
    expect(node.missed()).toEqual([]);
    expect(node.fired()).toHaveLength(1);
  });

  test('are none of a schedule that is new', async () => {
    const node = await scheduledNode([DAILY], '2026-03-18T03:00:00Z');
    await node.passTime(SECOND);
    node.clock.advance(72 * HOUR);
    node.restart([{ ...DAILY, cron: '0 5 * * *' }]);
    await node.passTime(5 * SECOND);
    expect(node.missed()).toEqual([]);
    expect(node.fired()).toEqual([]);
  });

  test('do not come again when the clock is set back an hour', async () => {
    const node = await scheduledNode([DAILY], '2026-03-18T03:59:59Z');
    await node.passTime(2 * SECOND);
    node.clock.advance(-HOUR);
    await node.passTime(2 * HOUR, HOUR / 12);
    expect(node.fired()).toHaveLength(1);
  });

  test('after a jump of more than three hours the new time counts at once, ahead and back', async () => {
    const skipping = { ...DAILY, missed: 'skip' } as const;
    const node = await scheduledNode([skipping], '2026-03-18T03:59:59Z');
    await node.passTime(2 * SECOND);
    expect(node.fired()).toHaveLength(1);
    node.clock.jump(-4 * HOUR);
    await node.passTime(5 * HOUR, HOUR / 12);
    await node.settled();
    expect(node.fired()).toHaveLength(2);
    node.clock.jump(72 * HOUR);
    await node.passTime(2 * SECOND);
    await node.settled();
    expect(node.fired()).toHaveLength(3);
    expect(node.missed()).toEqual([{ cron: DAILY.cron, missed: 3, run: true }]);
    node.clock.jump(-400 * 24 * HOUR);
    await node.passTime(25 * HOUR, HOUR / 12);
    await node.settled();
    expect(node.fired()).toHaveLength(4);
  });

  test('are begun again when storing the place in time failed after the creates', async () => {
    const node = await scheduledNode([DAILY], '2026-03-18T03:59:59Z');
    await node.tick();
    const { keys } = node.catalogue;
    const broken = {
      ...node,
      catalogue: {
        servers: node.catalogue.servers,
        keys: {
          getText: (name: string) => keys.getText(name),
          setText: () => {
            throw new Failure('insufficient_storage', 'Cannot write the catalogue');
          },
        },
      },
    };
    node.clock.advance(SECOND);
    await expect(new Schedules([DAILY], broken).tick()).rejects.toThrow('Cannot write the catalogue');
    await node.settled();
    node.restart();
    node.clock.advance(SECOND);
    await node.tick();
    expect(node.fired()).toHaveLength(2);
  });
});
