/** First backups of a world: nothing is kept yet that could be compared with. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MEBIBYTE } from '../../src/base/sizes.ts';
import { World } from '../world.ts';
import { diskBytes } from './disk.ts';
import { type Keeper, KEEPERS } from './keepers.ts';

/** Of each world, so that all keepers have the same. */
export const SEED = 77;
const GONE_SECONDS = 30;

export interface FirstOptions {
  readonly home: string;
  readonly keepers: readonly string[];
  /** Bytes of the world. */
  readonly size: number;
  /** The part of its chunks that a night saves. */
  readonly saved: number;
  readonly rounds: number;
}

/**
 * Seconds that a first backup takes, by keeper, each in turn. One round before does not count: it reads the world from the
 * disk and starts what stays warm.
 */
export async function firstBackups({ home, keepers, size, saved, rounds }: FirstOptions) {
  const all: Keeper[] = [];
  for (const name of keepers) {
    const keeper = await KEEPERS[name]?.(fs.mkdtempSync(join(home, `first-${name}-`)));
    if (keeper === undefined) throw new Error(`there is no keeper ${name}`);
    all.push(keeper);
    void new World(keeper.world, size, SEED, saved);
  }
  const taken = new Map<string, number[]>(keepers.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    process.stderr.write(`first backups, round ${round} of ${rounds} ...\n`);
    for (const keeper of all) {
      // What the one before left to be written would be waited for by the next.
      spawnSync('sync');
      const took = await secondsOf(() => keeper.night());
      if (round > 0) taken.get(keeper.name)?.push(took);
      await keeper.forget(round);
      if (keeper.archives !== undefined) await gone(keeper);
    }
  }
  for (const keeper of all) await keeper.close();
  return taken;
}

/** A vault gives the bytes back soon after, not at once. */
async function gone({ name, store }: Keeper): Promise<void> {
  for (let waited = 0; diskBytes(store) > MEBIBYTE; waited += 0.05) {
    if (waited > GONE_SECONDS) throw new Error(`what ${name} was asked to forget is still there`);
    await delay(50);
  }
}

export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
