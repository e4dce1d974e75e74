/** What a caller wants of an archive or a tree, decided path by path or name by name on the way down. */
import type { EntryKind } from '../entry.ts';

/** `below`: what is selected of that which lies below, when it is a directory. */
export interface SelectionVerdict {
  readonly selected: boolean;
  readonly below: 'all' | 'some' | 'none';
}

/** The rules within one directory. */
export interface SelectionRules {
  /** @param name a byte string. */
  child(name: string, directory: boolean): SelectionVerdict;
  /** The rules inside a child directory. */
  enter(name: string): SelectionRules;
}

export interface PathSelection {
  /** @param path a byte string. */
  selects(path: string, kind: EntryKind | 'other'): boolean;
  /** For a walk. */
  root(): SelectionRules;
}

const ALL: SelectionVerdict = { selected: true, below: 'all' };
const SOME: SelectionVerdict = { selected: false, below: 'some' };
const NONE: SelectionVerdict = { selected: false, below: 'none' };

const everything: SelectionRules = { child: () => ALL, enter: () => everything };
const nothing: SelectionRules = { child: () => NONE, enter: () => nothing };

interface Place {
  /** True: this path and everything below it is selected. */
  whole: boolean;
  readonly below: Map<string, Place>;
}

/** Selects these paths and all below them. @param paths byte strings. */
export function selectPaths(paths: readonly string[]): PathSelection {
  const root: Place = { whole: false, below: new Map() };
  for (const path of paths) {
    let place = root;
    for (const name of path.split('/')) {
      const next = place.below.get(name) ?? { whole: false, below: new Map<string, Place>() };
      place.below.set(name, next);
      place = next;
    }
    place.whole = true;
  }
  return {
    selects(path) {
      let place: Place | undefined = root;
      for (const name of path.split('/')) {
        place = place.below.get(name);
        if (place === undefined) return false;
        if (place.whole) return true;
      }
      return false;
    },
    root: () => rulesOf(root),
  };
}

function rulesOf(place: Place): SelectionRules {
  return {
    child(name) {
      const next = place.below.get(name);
      return next === undefined ? NONE : next.whole ? ALL : SOME;
    },
    enter(name) {
      const next = place.below.get(name);
      return next === undefined ? nothing : next.whole ? everything : rulesOf(next);
    },
  };
}

/** Selects every path that at least one of the two selects. */
export function selectEither(one: PathSelection, other: PathSelection): PathSelection {
  return {
    selects: (path, kind) => one.selects(path, kind) || other.selects(path, kind),
    root: () => eitherRules(one.root(), other.root()),
  };
}

function eitherRules(one: SelectionRules, other: SelectionRules): SelectionRules {
  return {
    child(name, directory) {
      const first = one.child(name, directory);
      if (first.below === 'all' && first.selected) return first;
      const second = other.child(name, directory);
      const selected = first.selected || second.selected;
      if (first.below === 'none' && second.below === 'none') return { selected, below: 'none' };
      const all = first.below === 'all' || second.below === 'all';
      return { selected, below: all ? 'all' : 'some' };
    },
    enter: (name) => eitherRules(one.enter(name), other.enter(name)),
  };
}
