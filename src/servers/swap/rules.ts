/**
 * Rules for what a swap keeps in the live tree. They are asked name by name on the way down, so a rule can carry what
 * it knows about its directory.
 */

/**
 * `keep`: the thing itself is kept. `mixed` (directories): verdicts below may differ and must be asked for one by one;
 * otherwise everything below shares this one.
 */
export interface KeepVerdict {
  readonly keep: boolean;
  readonly mixed: boolean;
}

/** The rules within one directory. */
export interface KeepRules {
  /** @param name a byte string. */
  child(name: string, directory: boolean): KeepVerdict;
  /** The rules inside a child directory. */
  enter(name: string): KeepRules;
}

export const REPLACE: KeepVerdict = { keep: false, mixed: false };
export const KEEP: KeepVerdict = { keep: true, mixed: false };

/** True when a thing may go with everything below it. */
export function isReplacedWhole(verdict: KeepVerdict): boolean {
  return !verdict.keep && !verdict.mixed;
}

/** True when a thing is kept with everything below it. */
export function isKeptWhole(verdict: KeepVerdict): boolean {
  return verdict.keep && !verdict.mixed;
}

export const keepNothing: KeepRules = {
  child: () => REPLACE,
  enter: () => keepNothing,
};

/** Keeps what either rule keeps. */
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

/** Keeps these paths and everything below. @param paths byte strings, relative to the directory of the rules. */
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
