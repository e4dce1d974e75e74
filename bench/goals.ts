/** The targets of Roost's speed, each as a number of one round, so that a machine's slow minutes cancel out. */
import { type Samples, samplesOf } from './contest.ts';
import type { Sample } from './measure.ts';
import { quantile, type Spread, spreadOf } from './statistics.ts';

export interface Goal {
  readonly work: string;
  readonly against: string;
  readonly target: string;
  /** Undefined when something that it needs was not measured. */
  readonly measured: Spread | undefined;
  readonly unit: '' | 'ms' | 'MB';
  readonly met: boolean | undefined;
}

const IGZIP = 'tar | igzip -1, sha256sum';
const PIGZ = 'tar | pigz -1';
const MEMORY_MB = 180;

export function goalsOf(samples: Samples, smallFiles: string): Goal[] {
  const ratio = (work: string, against: string, limit: number, one: Of, other: Of, atLeast = false): Goal =>
    goal(work, against, limit, '', ratios(one(samples), other(samples)), atLeast);
  const seconds = (work: string, contender: string): Of => values(work, contender, (sample) => sample.seconds);
  const bytes = (work: string, contender: string): Of => values(work, contender, (sample) => sample.archiveBytes);
  const first = (engine: string) => seconds('first backup', `roost ${engine}`);
  const again = (engine: string) => seconds('repeated backup', `roost ${engine}`);
  const latency = (work: string, part: number) =>
    samplesOf(samples, work, 'roost').map(({ latencies = [] }) => quantile(latencies, part));
  return [
    ratio('first backup, ISA-L', IGZIP, 0.45, first('isal'), seconds('first backup', IGZIP)),
    ratio('first backup, zlib', PIGZ, 0.35, first('zlib'), seconds('first backup', PIGZ)),
    ratio('repeated backup, 1 % changed, ISA-L', 'its own first backup', 0.65, again('isal'), first('isal')),
    ratio('repeated backup, 1 % changed, zlib', 'its own first backup', 0.4, again('zlib'), first('zlib')),
    goal('bytes recompressed then', 'all bytes', 0.05, '', recompressed(samples), false),
    ratio(
      'restore into an empty directory',
      'tar xzf',
      0.6,
      seconds('restore', 'roost restore (daemon)'),
      seconds('restore', 'tar xzf'),
    ),
    ratio('verify', 'gzip -t, sha256sum', 0.35, seconds('verify', 'roost'), seconds('verify', 'gzip -t, sha256sum')),
    goal('one file of 1 MiB, p50', '', 50, 'ms', latency('one file of 1 MiB', 0.5), false),
    goal('one file of 1 MiB, p99', '', 50, 'ms', latency('one file of 1 MiB', 0.99), false),
    ratio(smallFiles, 'tar czf', 0.3, seconds(smallFiles, 'roost isal'), seconds(smallFiles, 'tar czf')),
    ratio(`${smallFiles}, zlib`, 'tar czf', 0.3, seconds(smallFiles, 'roost zlib'), seconds(smallFiles, 'tar czf')),
    ratio('archive size, ISA-L', PIGZ, 1.02, bytes('first backup', 'roost isal'), bytes('first backup', PIGZ)),
    ratio('archive size, zlib', PIGZ, 1.02, bytes('first backup', 'roost zlib'), bytes('first backup', PIGZ)),
    goal('peak resident set of any of these', '', MEMORY_MB, 'MB', peaks(samples), false),
    goal('GET /health during a backup, p99', '', 20, 'ms', latency('health during a backup', 0.99), false),
    ratio(
      'throughput of a download',
      'raw pipe of the file over HTTP',
      0.85,
      seconds('download', 'raw pipe (createReadStream().pipe() of Node)'),
      seconds('download', 'roost'),
      true,
    ),
  ];
}

type Of = (samples: Samples) => readonly number[];

function values(work: string, contender: string, of: (sample: Sample) => number | undefined): Of {
  return (samples) => samplesOf(samples, work, contender).flatMap((sample) => of(sample) ?? []);
}

function ratios(one: readonly number[], other: readonly number[]): number[] {
  return one.slice(0, other.length).map((value, at) => value / (other[at] ?? Number.NaN));
}

function recompressed(samples: Samples): number[] {
  const engines = ['roost isal', 'roost zlib'].flatMap((name) => samplesOf(samples, 'repeated backup', name));
  return engines.map(({ archiveBytes = Number.NaN, reusedBytes = 0 }) => 1 - reusedBytes / archiveBytes);
}

/** The largest of each kind of work: the target holds for the worst, and its middle would hide that. */
function peaks(samples: Samples): number[] {
  const all = [...samples]
    .filter(([key]) => key.includes('/roost') && !key.startsWith('backup, by'))
    .flatMap(([, of]) => of.flatMap(({ peakBytes }) => peakBytes ?? []));
  return all.length === 0 ? [] : [Math.max(...all) / 1e6];
}

function goal(
  work: string,
  against: string,
  limit: number,
  unit: Goal['unit'],
  measured: readonly number[],
  atLeast: boolean,
): Goal {
  const spread = spreadOf(measured);
  const met = spread === undefined ? undefined : atLeast ? spread.median >= limit : spread.median <= limit;
  const target = `at ${atLeast ? 'least' : 'most'} ${limit}${unit === '' ? '' : ` ${unit}`}`;
  return { work, against, target, measured: spread, unit, met };
}
