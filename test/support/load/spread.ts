/** Turns of a daemon that `turns.ts` noted, and how such times are spread. */
import fs from 'node:fs/promises';
import { eventually } from '../eventually.ts';

export const TURNS = new URL('turns.ts', import.meta.url).href;

export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

/** Milliseconds of CPU of each turn so far. */
export async function turnsIn(path: string): Promise<number[]> {
  return (await fs.readFile(path, 'latin1')).split('\n').slice(0, -1).map(Number);
}

/** How many turns there are, once all up to the call are noted: they are noted a hundred at a time. */
export async function countTurns(path: string): Promise<number> {
  const before = (await turnsIn(path)).length;
  let count = before;
  await eventually(async () => {
    count = (await turnsIn(path)).length;
    return count > before;
  });
  return count;
}

/** Sorts them. */
export function spreadOf(times: number[]): Spread {
  times.sort((one, other) => one - other);
  const at = (share: number): number => Math.round((times[Math.floor(share * times.length)] ?? 0) * 10) / 10;
  return { p50: at(0.5), p99: at(0.99), worst: at(0.9999) };
}
