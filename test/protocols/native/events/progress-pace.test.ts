import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { newBackupId, newJobId } from '../../../../src/base/ids.ts';
import {
  endsProgress,
  ProgressPace,
  type ProgressEvent,
} from '../../../../src/protocols/native/events/progress-pace.ts';
import type { JobProgress } from '../../../../src/catalogue/records.ts';
import type { RoostEvent } from '../../../../src/jobs/contract.ts';
import { ManualTime } from '../../../support/manual-time.ts';
import { SERVER } from '../../../support/scripted-service.ts';

const BACKUP = newBackupId();
const JOB = newJobId();

let time: ManualTime;
let sent: { readonly at: number; readonly event: ProgressEvent }[];
let ready: boolean;
let pace: ProgressPace;
let seq: number;

beforeEach(() => {
  time = new ManualTime(0);
  sent = [];
  ready = true;
  seq = 0;
  pace = new ProgressPace({
    clock: time,
    timers: time,
    send: (event) => {
      if (ready) sent.push({ at: time.monotonic(), event });
      return ready;
    },
  });
});

function progress(
  bytesDone: number,
  change: Partial<JobProgress> = {},
  ids: Partial<Omit<ProgressEvent, 'data'>> = {},
): ProgressEvent {
  const totals = { bytesTotal: 100, filesDone: bytesDone, filesTotal: 100 };
  const data = { phase: 'write', bytesDone, ...totals, bytesPerSecond: 0, etaSeconds: null, ...change };
  return { seq: ++seq, at: 0, type: 'backup.progress', server: SERVER, backup: BACKUP, job: JOB, ...ids, data };
}

function ended(type: RoostEvent['type']): RoostEvent {
  return { seq: ++seq, at: 0, type, server: SERVER, backup: BACKUP, data: {} } as RoostEvent;
}

const done = (): unknown[] => sent.map(({ event }) => event.data.bytesDone);

describe('progress of a job', () => {
  test('begins at once', () => {
    pace.take(progress(1));
    expect(done()).toEqual([1]);
  });

  test('goes out at most four times a second, the last value winning', () => {
    for (let percent = 0; percent < 100; percent++) {
      pace.take(progress(percent));
      time.advance(10);
    }
    expect(sent.map(({ at }) => at)).toEqual([0, 250, 500, 750, 1000]);
    expect(done()).toEqual([0, 24, 49, 74, 99]);
  });

  test('is repeated every two seconds while nothing new is told', () => {
    pace.take(progress(7));
    time.advance(6000);
    expect(sent.map(({ at }) => at)).toEqual([0, 2000, 4000, 6000]);
    expect(done()).toEqual([7, 7, 7, 7]);
  });

  test('of one job does not slow another', () => {
    const other = { backup: newBackupId(), job: newJobId() };
    pace.take(progress(1));
    pace.take(progress(2, {}, other));
    expect(done()).toEqual([1, 2]);
  });
});

describe('the end of a job', () => {
  test('brings the values that were held back', () => {
    pace.take(progress(10));
    pace.take(progress(100));
    expect(pace.end(ended('backup.completed'))?.data).toMatchObject({ bytesDone: 100, bytesTotal: 100 });
  });

  test('adds nothing where the reader has it all, and nothing to a failure', () => {
    pace.take(progress(100));
    expect(pace.end(ended('backup.completed'))).toBeUndefined();
    pace.take(progress(40));
    expect(pace.end(ended('backup.failed'))).toBeUndefined();
    expect(pace.end(ended('backup.completed'))).toBeUndefined();
  });

  test('leaves no timer', () => {
    pace.take(progress(1));
    expect(time.pending).toBe(1);
    pace.end(ended('backup.cancelled'));
    expect(time.pending).toBe(0);
  });

  test('is told by these events', () => {
    expect(endsProgress('backup.completed')).toBe(true);
    expect(endsProgress('backup.cancelled')).toBe(true);
    expect(endsProgress('restore.failed')).toBe(true);
    expect(endsProgress('verify.completed')).toBe(true);
    expect(endsProgress('verify.failed')).toBe(true);
    expect(endsProgress('backup.verified')).toBe(false);
    expect(endsProgress('backup.started')).toBe(false);
  });
});

describe('a reader that is behind', () => {
  test('gets the newest value when it has caught up', () => {
    ready = false;
    for (const percent of [1, 2, 3]) pace.take(progress(percent));
    ready = true;
    pace.resume();
    expect(done()).toEqual([3]);
  });

  test('is asked again after a while by itself', () => {
    ready = false;
    pace.take(progress(5));
    ready = true;
    time.advance(2000);
    expect(done()).toEqual([5]);
  });
});

test('what a snapshot showed is not sent again at once, and is repeated when nothing follows', () => {
  pace.begin(progress(60));
  expect(sent).toEqual([]);
  time.advance(1999);
  expect(sent).toEqual([]);
  time.advance(1);
  expect(done()).toEqual([60]);
  pace.clear();
  expect(time.pending).toBe(0);
});

test('whatever comes, the gaps and the order hold', () => {
  const step = fc.record({ wait: fc.nat(3000), bytes: fc.nat(200), total: fc.nat(200) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      time = new ManualTime(0);
      sent = [];
      const own = new ProgressPace({
        clock: time,
        timers: time,
        send: (event) => sent.push({ at: time.monotonic(), event }) > 0,
      });
      for (const { wait, bytes, total } of steps) {
        own.take(progress(bytes, { bytesTotal: total }));
        time.advance(wait);
      }
      time.advance(2000);
      const gaps = sent.slice(1).map(({ at }, index) => at - (sent[index]?.at ?? 0));
      expect(gaps.every((gap) => gap >= 250 && gap <= 2000)).toBe(true);
      expect(sent.map(({ event: { seq } }) => seq)).toEqual(
        sent.map(({ event }) => event.seq).toSorted((a, b) => a - b),
      );
      expect(done().at(-1)).toBe(steps.at(-1)?.bytes);
      own.clear();
    }),
  );
});
