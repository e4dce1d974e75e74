import { describe, expect, onTestFinished, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { silentLog } from '../../../src/base/log/log.ts';
import type { Clock } from '../../../src/base/clock.ts';
import type { Catalogue } from '../../../src/catalogue/contract.ts';
import type { DeliveryRecord } from '../../../src/catalogue/records.ts';
import { ReportOutbox, type DeliveryStep, type StepEnd } from '../../../src/jobs/report/outbox.ts';
import { EventHub } from '../../../src/jobs/runner/events.ts';
import { backupId, newDelivery, serverId } from '../../support/catalogue-rows.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { scratchCatalogue } from '../../support/scratch-catalogue.ts';
import { BACKUP_DATA } from '../../support/events.ts';

const HOUR = 3_600_000;
const AWAY = new Failure('store_unreachable', 'Cannot report: the panel is away', { retry: true });
const NO = new Failure('store_unreachable', 'Cannot report: the panel answered 409');
const OVER: StepEnd = { kind: 'over' };
const RETRY: StepEnd = { kind: 'retry', failure: AWAY };

type Run = (delivery: DeliveryRecord, signal: AbortSignal) => StepEnd | Promise<StepEnd>;

/** A lane with a step that does what a test says, and the backups whose turn it was. */
async function lane(options: { readonly concurrent?: number; readonly time?: ManualTime } = {}) {
  const time = options.time ?? new ManualTime();
  const { catalogue } = await scratchCatalogue(time);
  const tried: { readonly backup: string; readonly at: number }[] = [];
  const behaviour: { run: Run } = { run: () => OVER };
  const step: DeliveryStep = {
    name: 'report',
    concurrent: options.concurrent ?? 4,
    async run(delivery, signal) {
      tried.push({ backup: delivery.backup, at: time.now() });
      return behaviour.run(delivery, signal);
    },
  };
  const events = new EventHub(time, () => undefined);
  const begin = (
    more: Partial<{ steps: readonly DeliveryStep[]; random: () => number; catalogue: Catalogue; clock: Clock }> = {},
  ) => {
    const shared = {
      catalogue,
      steps: [step],
      events,
      clock: time,
      timers: time,
      random: () => 0.999,
      log: silentLog(),
    };
    const made = new ReportOutbox({ ...shared, ...more });
    onTestFinished(() => made.close());
    made.start();
    return made;
  };
  const ended = (number: number): void => {
    const about = { server: serverId(1), backup: backupId(number), data: BACKUP_DATA };
    events.publish({ type: 'backup.completed', ...about });
  };
  return { time, catalogue, step, tried, behaviour, begin, ended };
}

type Bench = Awaited<ReturnType<typeof lane>>;

/** Lets time pass in small steps, and everything that falls due have its turn. */
async function pass({ time }: Bench, made: ReportOutbox, milliseconds: number, step = 60_000): Promise<void> {
  for (let left = milliseconds; left > 0; left -= step) {
    time.advance(Math.min(step, left));
    await made.settled();
  }
}

function tries({ tried }: Bench, number: number): number {
  return tried.filter(({ backup }) => backup === backupId(number)).length;
}

describe('a report that is owed', () => {
  test('goes out at the start, and as soon as its job has ended', async () => {
    const bench = await lane();
    bench.catalogue.deliveries.insert(newDelivery(1));
    const made = bench.begin();
    await made.settled();
    bench.catalogue.deliveries.insert(newDelivery(2));
    bench.ended(2);
    await made.settled();
    expect(bench.tried.map(({ backup }) => backup)).toEqual([backupId(1), backupId(2)]);
    expect(bench.catalogue.deliveries.list()).toEqual([]);
  });

  test('is found within a minute, also when nobody tells of it', async () => {
    const bench = await lane();
    const made = bench.begin();
    bench.catalogue.deliveries.insert(newDelivery(1));
    await pass(bench, made, 60_000);
    expect(tries(bench, 1)).toBe(1);
  });

  test('that is not yet due waits for its time', async () => {
    const bench = await lane();
    bench.catalogue.deliveries.insert(newDelivery(1, { dueAt: bench.time.now() + 3000 }));
    const made = bench.begin();
    await pass(bench, made, 2999, 2999);
    expect(tries(bench, 1)).toBe(0);
    await pass(bench, made, 1);
    expect(tries(bench, 1)).toBe(1);
  });

  test('that falls due while the lane looks is not passed over', async () => {
    const bench = await lane();
    const dueAt = bench.time.now() + 3000;
    bench.catalogue.deliveries.insert(newDelivery(1, { dueAt }));
    // A millisecond passes with each look at the clock: one when the lane starts, one when it finds nothing due yet.
    let looks = 0;
    const made = bench.begin({ clock: { now: () => dueAt - 2 + looks++, monotonic: () => bench.time.monotonic() } });
    await pass(bench, made, 10, 1);
    expect(tries(bench, 1)).toBe(1);
  });

  test('is tried later and later, a quarter of an hour apart at most, for as long as the panel is away', async () => {
    const bench = await lane();
    bench.catalogue.deliveries.insert(newDelivery(1));
    bench.behaviour.run = () => RETRY;
    const made = bench.begin();
    await made.settled();
    await pass(bench, made, 2 * HOUR, 500);
    const gaps = bench.tried.slice(1).map(({ at }, index) => Math.round((at - (bench.tried[index]?.at ?? 0)) / 1000));
    expect(gaps.slice(0, 11)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900]);
    expect(Math.max(...gaps)).toBe(900);
    bench.behaviour.run = () => OVER;
    await pass(bench, made, 900_000);
    expect(bench.catalogue.deliveries.list()).toEqual([]);
  });

  test('is not tried at the same moment as all others that failed with it', async () => {
    const bench = await lane({ concurrent: 20 });
    for (let number = 0; number < 20; number++) bench.catalogue.deliveries.insert(newDelivery(number));
    bench.behaviour.run = () => RETRY;
    let seed = 0;
    const made = bench.begin({ random: () => (seed = (seed + 0.37) % 1) });
    await made.settled();
    const due = bench.catalogue.deliveries.list().map(({ dueAt }) => dueAt - bench.time.now());
    expect(new Set(due).size).toBeGreaterThan(15);
    expect(Math.min(...due)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...due)).toBeLessThanOrEqual(1000);
  });

  test('is parked when it is refused, and when it was tried for days', async () => {
    const bench = await lane();
    const giveUpAt = bench.time.now() + HOUR;
    bench.catalogue.deliveries.insert(newDelivery(1, { giveUpAt }));
    bench.catalogue.deliveries.insert(newDelivery(2));
    bench.behaviour.run = ({ backup }) => (backup === backupId(1) ? RETRY : { kind: 'refused', failure: NO });
    const made = bench.begin();
    await made.settled();
    expect(bench.catalogue.deliveries.list({ state: 'parked' })).toMatchObject([{ backup: backupId(2) }]);
    await pass(bench, made, 2 * HOUR);
    expect(bench.catalogue.deliveries.counts()).toEqual({ pending: 0, parked: 2 });
    const before = bench.tried.length;
    await pass(bench, made, 2 * HOUR);
    expect(bench.tried.length).toBe(before);
  });

  test('that is parked is tried once more by the next start, and when somebody asks for it', async () => {
    const bench = await lane();
    for (const number of [1, 2]) bench.catalogue.deliveries.insert(newDelivery(number));
    bench.behaviour.run = () => ({ kind: 'refused', failure: NO });
    const first = bench.begin();
    await first.settled();
    await first.close();
    const made = bench.begin();
    await made.settled();
    expect([tries(bench, 1), tries(bench, 2)]).toEqual([2, 2]);
    const [one] = bench.catalogue.deliveries.list();
    expect(made.retry(one?.id)).toBe(1);
    await made.settled();
    expect([tries(bench, 1), tries(bench, 2)]).toEqual([3, 2]);
    bench.behaviour.run = () => OVER;
    expect(made.retry()).toBe(2);
    await made.settled();
    expect(bench.catalogue.deliveries.list()).toEqual([]);
  });
});

describe('reports of one backup', () => {
  test('go out in the order in which they came about, however often the first fails', async () => {
    const bench = await lane();
    bench.catalogue.deliveries.insert(newDelivery(1));
    bench.catalogue.deliveries.insert(newDelivery(2, { backup: backupId(1), kind: 'restore', sha256: null }));
    const order: string[] = [];
    let away = 3;
    bench.behaviour.run = ({ kind }) => {
      order.push(kind);
      return away-- > 0 ? RETRY : OVER;
    };
    const made = bench.begin();
    await pass(bench, made, 60_000, 500);
    expect(order).toEqual(['backup', 'backup', 'backup', 'backup', 'restore']);
  });
});

describe('one backup’s trouble is no other’s', () => {
  test('a report that hangs or fails delays none of another backup', async () => {
    const bench = await lane({ concurrent: 2 });
    const hang = Promise.withResolvers<StepEnd>();
    bench.behaviour.run = ({ backup }) => {
      if (backup === backupId(0)) return hang.promise;
      return backup === backupId(1) ? RETRY : OVER;
    };
    for (let number = 0; number < 50; number++) bench.catalogue.deliveries.insert(newDelivery(number));
    const made = bench.begin();
    await expect.poll(() => bench.catalogue.deliveries.list().length).toBe(2);
    expect(bench.catalogue.deliveries.list().map(({ backup }) => backup)).toEqual([backupId(0), backupId(1)]);
    hang.resolve(OVER);
    await made.settled();
    expect(bench.catalogue.deliveries.list()).toHaveLength(1);
  });

  test('no more than so many are under way', async () => {
    const bench = await lane({ concurrent: 3 });
    let [now, most] = [0, 0];
    bench.behaviour.run = async () => {
      most = Math.max(most, ++now);
      await new Promise(setImmediate);
      now--;
      return OVER;
    };
    for (let number = 0; number < 20; number++) bench.catalogue.deliveries.insert(newDelivery(number));
    await bench.begin().settled();
    expect([most, bench.catalogue.deliveries.list().length]).toEqual([3, 0]);
  });

  test('a slow step has its own bound: reports do not wait for uploads', async () => {
    const bench = await lane();
    const hang = Promise.withResolvers<StepEnd>();
    const upload: DeliveryStep = { name: 'upload', concurrent: 1, run: () => hang.promise };
    for (const number of [1, 2, 3]) bench.catalogue.deliveries.insert(newDelivery(number, { step: 'upload' }));
    bench.catalogue.deliveries.insert(newDelivery(4));
    const made = bench.begin({ steps: [upload, bench.step] });
    await expect.poll(() => tries(bench, 4)).toBe(1);
    hang.resolve({ kind: 'next', step: 'report', data: { parts: [{ partNumber: 1, etag: '"a"' }] } });
    await made.settled();
    expect(bench.catalogue.deliveries.list()).toEqual([]);
    expect([1, 2, 3].map((number) => tries(bench, number))).toEqual([1, 1, 1]);
  });
});

describe('steps', () => {
  test('leave what later ones need, may wait, and may send a delivery back', async () => {
    const bench = await lane();
    const uploads: number[] = [];
    const upload: DeliveryStep = {
      name: 'upload',
      concurrent: 1,
      run: () => {
        uploads.push(bench.time.now());
        return Promise.resolve({
          kind: 'next',
          step: 'report',
          data: { parts: uploads.map((_, at) => ({ partNumber: at + 1, etag: '' })) },
          at: bench.time.now() + 10,
        });
      },
    };
    const seen: unknown[] = [];
    bench.behaviour.run = ({ data }) => {
      seen.push(data);
      return data.parts?.length === 1 ? { kind: 'retry', failure: AWAY, step: 'upload' } : OVER;
    };
    bench.catalogue.deliveries.insert(newDelivery(1, { step: 'upload', data: { upload: true } }));
    const made = bench.begin({ steps: [upload, bench.step] });
    await made.settled();
    expect(seen).toEqual([]);
    await pass(bench, made, 2000, 10);
    expect(seen).toEqual([
      { upload: true, parts: [{ partNumber: 1, etag: '' }] },
      {
        upload: true,
        parts: [
          { partNumber: 1, etag: '' },
          { partNumber: 2, etag: '' },
        ],
      },
    ]);
    expect(bench.catalogue.deliveries.list()).toEqual([]);
  });

  test('that throw have failed once', async () => {
    const bench = await lane();
    bench.catalogue.deliveries.insert(newDelivery(1));
    bench.behaviour.run = () => {
      throw new Error('it broke');
    };
    const made = bench.begin();
    await made.settled();
    const message = 'Cannot report the backup to the panel: it broke';
    expect(bench.catalogue.deliveries.list()).toMatchObject([{ attempts: 1, error: { code: 'internal', message } }]);
  });

  test('whose end cannot be stored are not done again and again', async () => {
    const bench = await lane();
    bench.catalogue.deliveries.insert(newDelivery(1));
    let full = true;
    const { deliveries } = bench.catalogue;
    const failing: Catalogue['deliveries'] = Object.create(deliveries, {
      delete: {
        value: (id: number): void => {
          if (full) throw new Failure('insufficient_storage', 'The disk is full');
          deliveries.delete(id);
        },
      },
    }) as Catalogue['deliveries'];
    for (const name of ['due', 'nextDue', 'retryParked', 'hasten'] as const) {
      Object.defineProperty(failing, name, { value: deliveries[name].bind(deliveries) });
    }
    bench.begin({ catalogue: { ...bench.catalogue, deliveries: failing } });
    await expect.poll(() => bench.tried.length).toBe(1);
    bench.time.advance(59_000);
    await new Promise(setImmediate);
    expect(bench.tried.length).toBe(1);
    full = false;
    bench.time.advance(2000);
    await expect.poll(() => deliveries.list()).toEqual([]);
  });
});

describe('a lane that is closed', () => {
  test('breaks off what is under way and leaves its row as it was; the next one does it again', async () => {
    const bench = await lane();
    const row = bench.catalogue.deliveries.insert(newDelivery(1));
    bench.behaviour.run = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    const first = bench.begin();
    await expect.poll(() => tries(bench, 1)).toBe(1);
    await first.close();
    expect(bench.catalogue.deliveries.list()).toEqual([row]);
    bench.ended(1);
    expect([tries(bench, 1), bench.time.pending]).toEqual([1, 0]);
    bench.behaviour.run = () => OVER;
    await bench.begin().settled();
    expect(bench.catalogue.deliveries.list()).toEqual([]);
  });
});

test('a clock that was set back holds no report up', async () => {
  const bench = await lane();
  bench.catalogue.deliveries.insert(newDelivery(1, { dueAt: bench.time.now() + 365 * 24 * HOUR }));
  await bench.begin().settled();
  expect(tries(bench, 1)).toBe(1);
});

test('a clock that is set back while reports wait holds none of them up', async () => {
  const bench = await lane();
  const made = bench.begin();
  bench.catalogue.deliveries.insert(newDelivery(1, { dueAt: bench.time.now() }));
  bench.time.jump(-365 * 24 * HOUR);
  await pass(bench, made, 60_000);
  expect(tries(bench, 1)).toBe(1);
});
