/**
 * A model of two kinds of processes on a bucket that holds packs, recipes and marks, and a search of all their
 * interleavings, request by request (docs/vault.md says what is built of it; the rules are those of a collection without
 * locks or clocks of hosts).
 *
 * A writer puts a recipe that names ranges, then looks whether the pack of each is doomed; it writes those again. A
 * collector dooms packs, waits, reads all recipes anew, copies what lives elsewhere, and removes. A range is lost when a
 * completed backup names it and no pack has it.
 */

/** Rules that can be broken, so that the search is seen to find what follows. */
export interface Rules {
  /** The writer looks at the marks behind its recipe. */
  readonly writerLooks: boolean;
  /** The collector reads recipes behind its marks, not before. */
  readonly readsAfterMarks: boolean;
  /** A mark stays until its pack is gone. */
  readonly marksStay: boolean;
  /** A place in a doomed pack is none. */
  readonly doomedIsNoPlace: boolean;
  /** The collector waits longer than listings lag. */
  readonly waits: boolean;
}

export const SOUND: Rules = {
  writerLooks: true,
  readsAfterMarks: true,
  marksStay: true,
  doomedIsNoPlace: true,
  waits: true,
};

interface Writer {
  /** 0 puts the recipe, 1 looks, 2 writes again, 3 completed. */
  readonly at: number;
}

interface Collector {
  /** 0 begins, 1 marked, 2 read, 3 done; 4 read, and not marked yet. */
  readonly at: number;
  readonly victim: number;
  /** It saw a recipe that needs the range. */
  readonly sees: boolean;
}

interface State {
  /** A bit for each pack that has the range. */
  readonly packs: number;
  readonly doomed: number;
  /** A bit for each writer whose recipe is there, and for each that a listing shows. */
  readonly recipes: number;
  readonly listed: number;
  /** The backup that had the range first; it may be removed. */
  readonly old: boolean;
  readonly writers: readonly Writer[];
  readonly collectors: readonly Collector[];
  /** Packs that were ever made: ids are never used twice. */
  readonly made: number;
}

const MOST_PACKS = 5;

export interface Found {
  readonly states: number;
  /** Steps to the first loss; undefined when nothing is lost in any order. */
  readonly lostAfter: number | undefined;
}

/** @param lags listings show a recipe some time after it was put. */
export function search(rules: Rules, writers: number, collectors: number, lags: boolean): Found {
  const first: State = {
    packs: 1,
    doomed: 0,
    recipes: 0,
    listed: 0,
    old: true,
    writers: Array.from({ length: writers }, () => ({ at: 0 })),
    collectors: Array.from({ length: collectors }, () => ({ at: 0, victim: 0, sees: false })),
    made: 1,
  };
  const seen = new Set([JSON.stringify(first)]);
  let ring = [first];
  for (let steps = 0; ring.length > 0; steps++) {
    const next: State[] = [];
    for (const state of ring) {
      if (isLost(state)) return { states: seen.size, lostAfter: steps };
      for (const reached of stepsOf(state, rules, lags)) {
        const key = JSON.stringify(reached);
        if (!seen.has(key)) {
          seen.add(key);
          next.push(reached);
        }
      }
    }
    ring = next;
  }
  return { states: seen.size, lostAfter: undefined };
}

function isLost({ packs, old, writers }: State): boolean {
  return packs === 0 && (old || writers.some(({ at }) => at === 3));
}

function* stepsOf(state: State, rules: Rules, lags: boolean): Generator<State> {
  if (state.old) yield { ...state, old: false };
  // A listing catches up.
  if (lags && state.listed !== state.recipes) yield { ...state, listed: state.recipes };
  for (const [index, writer] of state.writers.entries()) yield* writerSteps(state, index, writer, rules, lags);
  for (const [index, one] of state.collectors.entries()) yield* collectorSteps(state, index, one, rules, lags);
}

function* writerSteps(state: State, index: number, { at }: Writer, rules: Rules, lags: boolean): Generator<State> {
  const to = (step: number, change: Partial<State> = {}): State => ({
    ...state,
    ...change,
    writers: state.writers.with(index, { at: step }),
  });
  if (at === 0) {
    // It begins while the old backup is there, and puts its recipe whatever happened since.
    const recipes = state.recipes | (1 << index);
    yield to(1, { recipes, listed: lags ? state.listed : recipes });
  } else if (at === 1) {
    const places = rules.doomedIsNoPlace ? state.packs & ~state.doomed : state.packs;
    if (!rules.writerLooks || places !== 0) yield to(3);
    else yield to(2);
  } else if (at === 2) {
    const made = newPack(state);
    if (made !== undefined) yield to(1, made);
  }
}

function* collectorSteps(
  state: State,
  index: number,
  { at, victim, sees }: Collector,
  rules: Rules,
  lags: boolean,
): Generator<State> {
  const to = (collector: Collector, change: Partial<State> = {}): State => ({
    ...state,
    ...change,
    collectors: state.collectors.with(index, collector),
  });
  const needed = state.old || (lags ? state.listed : state.recipes) !== 0;
  if (at === 0) {
    for (let pack = 0; pack < MOST_PACKS; pack++) {
      if ((state.packs & (1 << pack)) === 0) continue;
      if (rules.readsAfterMarks) yield to({ at: 1, victim: pack, sees: false }, marking(state, pack));
      else yield to({ at: 4, victim: pack, sees: needed });
    }
  } else if (at === 4) {
    yield to({ at: 1, victim, sees }, marking(state, victim));
  } else if (at === 1) {
    // With the wait, whatever was put before the mark is in every listing.
    if (rules.waits && lags && state.listed !== state.recipes) return;
    yield to({ at: 2, victim, sees: rules.readsAfterMarks ? needed : sees });
    if (!rules.marksStay) yield to({ at: 0, victim: 0, sees: false }, { doomed: state.doomed & ~(1 << victim) });
  } else if (at === 2) {
    const others = state.packs & ~(1 << victim);
    const places = rules.doomedIsNoPlace ? others & ~state.doomed : others;
    if (sees && places === 0) {
      // Copies, and reads all anew.
      const made = newPack(state);
      if (made !== undefined) yield to({ at: 1, victim, sees: false }, made);
      return;
    }
    const gone = ~(1 << victim);
    yield to({ at: 3, victim, sees }, { packs: state.packs & gone, doomed: state.doomed & gone });
  } else {
    yield to({ at: 0, victim: 0, sees: false });
  }
}

function marking({ doomed }: State, pack: number): Pick<State, 'doomed'> {
  return { doomed: doomed | (1 << pack) };
}

function newPack({ packs, made }: State): Pick<State, 'packs' | 'made'> | undefined {
  if (made === MOST_PACKS) return undefined;
  return { packs: packs | (1 << made), made: made + 1 };
}
