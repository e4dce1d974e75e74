/** The targets on trees of others: ratios of one round, so that a slow minute of the machine cancels out. */
import { type Samples, samplesOf } from '../contest.ts';
import type { Sample } from '../measure.ts';
import type { Table } from '../report.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import {
  EXTRACT,
  FOREIGN_WORK,
  IGZIP,
  RESTORE,
  ROOST_COMMAND,
  ROOST_DAEMON,
  TAR,
  TAR_FLUSHED,
  WINGS,
} from './contests.ts';
import { NODE, ONE_SMALL, SERVE, SMALL_BACKUP, VERSION } from './starts.ts';

export interface OutsideGoal {
  readonly tree: string;
  readonly work: string;
  readonly against: string;
  readonly what: 'wall' | 'CPU' | 'seconds';
  readonly limit: number;
  readonly measured: Spread;
}

/** Limits of wall and CPU time; undefined where there is none. */
type Limits = readonly [wall: number | undefined, cpu: number | undefined];

const FIRST = 'first backup';
const AGAIN = 'repeated backup, 1 % changed';

/** `game` trees hold what game servers hold; of `small` and real trees less is asked. */
export type TreeKind = 'game' | 'small' | 'real';

export function outsideGoals(tree: string, kind: TreeKind, samples: Samples): OutsideGoal[] {
  const found: OutsideGoal[] = [];
  const compare = (work: string, name: string, against: string, [wall, cpu]: Limits): void => {
    const [one, other] = [samplesOf(samples, work, name), samplesOf(samples, work, against)];
    const add = (what: 'wall' | 'CPU', limit: number | undefined, of: (sample: Sample) => number | undefined): void => {
      const ratios = one.slice(0, other.length).map((sample, at) => {
        const beside = other[at];
        return (of(sample) ?? Number.NaN) / ((beside && of(beside)) ?? Number.NaN);
      });
      const measured = spreadOf(ratios.filter((ratio) => !Number.isNaN(ratio)));
      if (limit === undefined || measured === undefined) return;
      found.push({ tree, work: `${work}: ${name}`, against, what, limit, measured });
    };
    add('wall', wall, ({ seconds }) => seconds);
    add('CPU', cpu, ({ cpuSeconds }) => cpuSeconds);
  };
  if (kind === 'game') {
    compare(FIRST, ROOST_COMMAND, WINGS, [0.55, 0.5]);
    compare(FIRST, ROOST_DAEMON, WINGS, [0.45, 0.45]);
    compare(FIRST, ROOST_COMMAND, IGZIP, [0.7, 0.85]);
    compare(AGAIN, ROOST_COMMAND, WINGS, [0.4, 0.25]);
    for (const name of [RESTORE, EXTRACT]) {
      compare('restore', name, TAR, [0.5, undefined]);
      compare('restore', name, TAR_FLUSHED, [0.45, undefined]);
    }
    compare(FOREIGN_WORK, 'Wings', 'Roost', [undefined, 1.3]);
  } else if (kind === 'small') {
    compare(FIRST, ROOST_COMMAND, WINGS, [0.95, undefined]);
    compare(FIRST, ROOST_DAEMON, WINGS, [0.8, undefined]);
  } else compare(FIRST, ROOST_COMMAND, WINGS, [0.9, undefined]);
  return found;
}

export function startGoals(samples: Samples): OutsideGoal[] {
  const of = (name: string): readonly Sample[] => samplesOf(samples, 'start', name);
  const goal = (name: string, limit: number, what: OutsideGoal['what'], values: readonly number[], against = '') => {
    const measured = spreadOf(values.filter((value) => !Number.isNaN(value)));
    return measured === undefined ? [] : [{ tree: '', work: name, against, what, limit, measured }];
  };
  const seconds = (name: string): number[] => of(name).map((sample) => sample.seconds);
  const bare = seconds(NODE);
  const versions = seconds(VERSION).map((value, at) => value / (bare[at] ?? Number.NaN));
  const cpu = of(SMALL_BACKUP).map(({ cpuSeconds }) => cpuSeconds ?? Number.NaN);
  return [
    ...goal(VERSION, 2.5, 'wall', versions, NODE),
    ...goal(ONE_SMALL, 0.25, 'seconds', seconds(ONE_SMALL)),
    ...goal(SERVE, 0.5, 'seconds', seconds(SERVE)),
    ...goal(SMALL_BACKUP, 0.08, 'seconds', cpu, 'CPU time'),
  ];
}

export function oneFileGoal(samples: Samples, work: string, name: string): OutsideGoal[] {
  const measured = spreadOf(samplesOf(samples, work, name).map(({ seconds }) => seconds));
  return measured === undefined ? [] : [{ tree: '', work, against: '', what: 'seconds', limit: 0.3, measured }];
}

/** The farthest from its target first, so that no good tree hides a bad one. */
export function outsideTable(goals: readonly OutsideGoal[]): Table {
  const rows = goals
    .toSorted((one, other) => other.measured.median / other.limit - one.measured.median / one.limit)
    .map(({ tree, work, against, what, limit, measured: { median, min, max } }) => [
      tree,
      work,
      against,
      what,
      `at most ${limit}`,
      median.toFixed(3),
      `${min.toFixed(3)} to ${max.toFixed(3)}`,
      median <= limit ? 'yes' : 'no',
    ]);
  const headings = ['tree', 'work', 'against', 'what', 'target', 'median', 'min to max', 'met'];
  return { title: 'Targets, the farthest from being met first', headings, rows };
}
