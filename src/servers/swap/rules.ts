/**
 * What of a live tree stays during a swap, asked name by name on the way down, so that a rule may carry what it knows
 * of the directory it is in. Rules are handed in: this room knows neither ignore lists nor globs.
 */

/**
 * `stays`: the thing itself stays. `mixed` (directories): what is below may differ and has to be asked one by one;
 * without it, all below shares the verdict.
 */
export interface KeepVerdict {
  readonly keep: boolean;
  readonly mixed: boolean;
}

/** The rules as they stand in one directory. */
export interface KeepRules {
  /** @param name a byte string. */
  child(name: string, directory: boolean): KeepVerdict;
  /** The rules inside a directory of this directory. */
  enter(name: string): KeepRules;
}

export const REPLACE: KeepVerdict = { keep: false, mixed: false };
export const KEEP: KeepVerdict = { keep: true, mixed: false };

/** True when a thing goes with all that is below it. */
export function isReplacedWhole(verdict: KeepVerdict): boolean {
  return !verdict.keep && !verdict.mixed;
}

/** True when a thing stays with all that is below it. */
export function isKeptWhole(verdict: KeepVerdict): boolean {
  return verdict.keep && !verdict.mixed;
}

export const keepNothing: KeepRules = {
  child: () => REPLACE,
  enter: () => keepNothing,
};

/** What either rule lets stay. */
export function either(first: KeepRules, second: KeepRules): KeepRules {
  if (first === keepNothing) return second;
  if (second === keepNothing) return first;
  return {
    child(name, directory) {
      const one = first.child(name, directory);
      const other = second.child(name, directory);
      if (isKeptWhole(one) || isKeptWhole(other)) return KEEP;
      return { keep: one.keep || other.keep, mixed: one.mixed || other.mixed };
    },
    enter: (name) => either(first.enter(name), second.enter(name)),
  };
}

/** These paths and all below them stay. @param paths byte strings below the directory that the rules are for. */
export function keepPaths(paths: readonly string[]): KeepRules {
  if (paths.length === 0) return keepNothing;
  return {
    child(name) {
      if (paths.includes(name)) return KEEP;
      return { keep: false, mixed: paths.some((path) => path.startsWith(`${name}/`)) };
    },
    enter(name) {
      const prefix = `${name}/`;
      return keepPaths(paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length)));
    },
  };
}
