/**
 * Contests: the same work done by several, run in interleaved rounds. Each round asks everybody once and begins with
 * another one, so that a slow minute of the machine hurts all alike.
 */
import { type Sample, settle } from './measure.ts';

export interface Contender {
  readonly name: string;
  /** Brings things to where the work starts; not measured. */
  prepare?(round: number): Promise<void> | void;
  run(round: number): Promise<Sample> | Sample;
  /** Frees what the work left; not measured. */
  after?(round: number): Promise<void> | void;
}

export interface Contest {
  /** The name by which `npm run bench -- NAME` selects it. */
  readonly part: string;
  readonly work: string;
  /** Bytes that the work goes over, for the rate. */
  readonly bytes: number;
  readonly contenders: readonly Contender[];
  /** Rounds at most, for work that is there to compare Roost with itself. */
  readonly rounds?: number;
  /** Once in each round, before the first contender. */
  before?(round: number): Promise<void> | void;
}

/** Samples of each contender, in the order of the rounds, by `work/contender`. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

export function samplesOf(samples: Samples, work: string, contender: string): readonly Sample[] {
  return samples.get(`${work}/${contender}`) ?? [];
}

/**
 * Runs all contests, round by round.
 *
 * @param tell hears of each run before it starts.
 * @param clear called before each round.
 * @param goesOn false to begin no further round; the first is always run.
 */
export async function runContests(
  contests: readonly Contest[],
  rounds: number,
  scratch: string,
  tell: (what: string) => void,
  clear: () => void,
  goesOn: () => boolean = () => true,
): Promise<Samples> {
  const samples = new Map<string, Sample[]>();
  for (let round = 0; round < rounds && (round === 0 || goesOn()); round++) {
    clear();
    for (const contest of contests) {
      if (round >= (contest.rounds ?? rounds)) continue;
      await contest.before?.(round);
      for (const contender of inTurn(contest.contenders, round)) {
        const key = `${contest.work}/${contender.name}`;
        await contender.prepare?.(round);
        settle(scratch, contest.bytes);
        tell(`round ${round + 1} of ${rounds}: ${key}`);
        samples.set(key, [...(samples.get(key) ?? []), await contender.run(round)]);
        await contender.after?.(round);
      }
    }
  }
  return samples;
}

function inTurn<Item>(items: readonly Item[], round: number): Item[] {
  const first = round % Math.max(1, items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}
