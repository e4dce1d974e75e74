/**
 * What the same bytes cost this machine whatever the program: reading, deflating, hashing and writing them, each by the
 * fastest program there is for it. A target below its floor is out of reach of everything that keeps the hash and the flush.
 */
import { availableParallelism } from 'node:os';
import { type Samples, samplesOf } from '../contest.ts';
import type { Sample } from '../measure.ts';
import type { Table } from '../report.ts';
import { spreadOf } from '../statistics.ts';
import { EXTRACT, FOREIGN_WORK, INFLATE_FOREIGN, RESTORE, ROOST_COMMAND, ROOST_DAEMON } from './contests.ts';
import type { OutsideGoal } from './goals.ts';

const [READ, HASH, WRITE] = ['read the tree', 'sha256 of the archive (openssl)', 'write the archive, flushed'];
const [DEFLATE, INFLATE, COPY] = [
  'deflate the tree (igzip -1)',
  'inflate the archive (igzip)',
  'copy the tree, flushed',
];

interface Line {
  readonly work: string;
  readonly contender: string;
  /** Contenders of the part `floor`; deflating reads the tree as well. */
  readonly stages: readonly string[];
}

const LINES: readonly Line[] = [
  { work: 'first backup', contender: ROOST_COMMAND, stages: [DEFLATE, HASH, WRITE] },
  { work: 'first backup', contender: ROOST_DAEMON, stages: [DEFLATE, HASH, WRITE] },
  { work: 'repeated backup, 1 % changed', contender: ROOST_COMMAND, stages: [READ, HASH, WRITE] },
  { work: 'restore', contender: EXTRACT, stages: [INFLATE, COPY] },
  { work: 'restore', contender: RESTORE, stages: [INFLATE, COPY] },
  { work: FOREIGN_WORK, contender: 'Wings', stages: [INFLATE_FOREIGN, COPY] },
];

/** @param goals of the tree: what they allow stands beside the floor. */
export function floorTable(tree: string, samples: Samples, goals: readonly OutsideGoal[]): Table {
  const rows = LINES.flatMap(({ work, contender, stages }) => {
    const own = samplesOf(samples, work, contender);
    const parts = stages.map((stage) => samplesOf(samples, 'floor', stage));
    if (own.length === 0 || parts.some((part) => part.length === 0)) return [];
    const cpu = parts.map((part) => middle(part, cpuOf)).reduce((sum, each) => sum + each, 0);
    // Stages run beside each other on all cores. Only deflating can be shared among them: one thread hashes, and one writes.
    const alone = parts.filter((_, at) => stages[at] !== DEFLATE).map((part) => middle(part, wallOf));
    const wall = Math.max(cpu / availableParallelism(), ...alone);
    const allowed = (what: OutsideGoal['what'], of: (sample: Sample) => number): string => {
      const limits = goals
        .filter((goal) => goal.work === `${work}: ${contender}` && goal.what === what)
        .map(({ limit, against }) => limit * middle(samplesOf(samples, work, against), of));
      return limits.length === 0 ? '' : Math.min(...limits).toFixed(2);
    };
    const figures = [cpu, middle(own, cpuOf), wall, middle(own, wallOf)].map((value) => value.toFixed(2));
    const [floorCpu = '', ownCpu = '', floorWall = '', ownWall = ''] = figures;
    const [allowedCpu, allowedWall] = [allowed('CPU', cpuOf), allowed('wall', wallOf)];
    return [[work, contender, stages.join(' + '), floorCpu, ownCpu, allowedCpu, floorWall, ownWall, allowedWall]];
  });
  const headings = [
    'work',
    'contender',
    'floor: the sum of',
    'floor, CPU s',
    'own',
    'target',
    'floor, wall s',
    'own',
    'target',
  ];
  return { title: `Floors on ${tree}`, headings, rows };
}

function middle(samples: readonly Sample[], of: (sample: Sample) => number): number {
  return spreadOf(samples.map(of).filter((value) => !Number.isNaN(value)))?.median ?? Number.NaN;
}

function cpuOf({ cpuSeconds }: Sample): number {
  return cpuSeconds ?? Number.NaN;
}

function wallOf({ seconds }: Sample): number {
  return seconds;
}
