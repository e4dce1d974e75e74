/** In which order backups were made, and when: what their dates say, as far as it fits the order. Pure. */
import { DAY_MS } from '../base/clock.ts';

export interface Made {
  /** Milliseconds since the Unix epoch, by the clock of that moment. */
  readonly createdAt: number;
  /** The order of making on this node; 0 for one made elsewhere, before all others and by time. */
  readonly sequence?: number;
}

/** Later than any clock that is right may say. */
export function isFuture({ createdAt }: Pick<Made, 'createdAt'>, now: number): boolean {
  return createdAt > now + DAY_MS;
}

/** Sorted by the order of making, newest first; equal ones keep their places. */
export function newestFirst<Item extends Made>(items: readonly Item[]): Item[] {
  return items.toSorted((one, other) => (other.sequence ?? 0) - (one.sequence ?? 0) || other.createdAt - one.createdAt);
}

/**
 * When each was made, in ms since the epoch. A date that contradicts the order (the clock was wrong) is replaced by the
 * nearest earlier one that fits, so that a wrong date does not make a backup look old or count for another day.
 *
 * @param items newest first.
 */
export function datesOf<Item extends Made>(items: readonly Item[], now: number): Map<Item, number> {
  const dates = new Map(items.map((item) => [item, item.createdAt]));
  const ordered = items.filter(({ sequence = 0 }) => sequence > 0).reverse();
  const fitting = new Set(longestRising(ordered.filter((item) => !isFuture(item, now))));
  let earlier = ordered.find((item) => fitting.has(item))?.createdAt ?? now;
  for (const item of ordered) {
    if (fitting.has(item)) earlier = item.createdAt;
    else dates.set(item, earlier);
  }
  return dates;
}

/** The longest selection whose dates never fall; in `n log n` steps. */
function longestRising<Item extends Made>(items: readonly Item[]): Item[] {
  interface Step {
    readonly item: Item;
    readonly before: Step | undefined;
  }
  /** At place n the selection of n + 1 items that ends earliest. */
  const ends: Step[] = [];
  for (const item of items) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle]?.item.createdAt ?? 0) <= item.createdAt) low = middle + 1;
      else high = middle;
    }
    ends[low] = { item, before: ends[low - 1] };
  }
  const chosen: Item[] = [];
  for (let step = ends.at(-1); step !== undefined; step = step.before) chosen.push(step.item);
  return chosen;
}
