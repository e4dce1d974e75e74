/**
 * What of a live tree stays during a swap, asked name by name on the way down, so that a rule may carry what it knows
 * of the directory it is in. Rules are handed in: this room knows neither ignore lists nor globs.
 */

/**
 * `stays`: the thing itself stays. `mixed` (directories): what is below may differ and has to be asked one by one;
 * without it, all below shares the verdict.
 */
export interface StayVerdict {
  readonly stays: boolean;
  readonly mixed: boolean;
}

/** The rules as they stand in one directory. */
export interface StayRules {
  /** @param name a byte string. */
  child(name: string, directory: boolean): StayVerdict;
  /** The rules inside a directory of this directory. */
  enter(name: string): StayRules;
}

export const GOES: StayVerdict = { stays: false, mixed: false };
export const STAYS: StayVerdict = { stays: true, mixed: false };

/** True when a thing goes with all that is below it. */
export function goesWhole(verdict: StayVerdict): boolean {
  return !verdict.stays && !verdict.mixed;
}

/** True when a thing stays with all that is below it. */
export function staysWhole(verdict: StayVerdict): boolean {
  return verdict.stays && !verdict.mixed;
}

export const nothingStays: StayRules = {
  child: () => GOES,
  enter: () => nothingStays,
};

/** What either rule lets stay. */
export function either(first: StayRules, second: StayRules): StayRules {
  if (first === nothingStays) return second;
  if (second === nothingStays) return first;
  return {
    child(name, directory) {
      const one = first.child(name, directory);
      const other = second.child(name, directory);
      if (staysWhole(one) || staysWhole(other)) return STAYS;
      return { stays: one.stays || other.stays, mixed: one.mixed || other.mixed };
    },
    enter: (name) => either(first.enter(name), second.enter(name)),
  };
}

/** These paths and all below them stay. @param paths byte strings below the directory that the rules are for. */
export function pathsStay(paths: readonly string[]): StayRules {
  if (paths.length === 0) return nothingStays;
  return {
    child(name) {
      if (paths.includes(name)) return STAYS;
      return { stays: false, mixed: paths.some((path) => path.startsWith(`${name}/`)) };
    },
    enter(name) {
      const prefix = `${name}/`;
      return pathsStay(paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length)));
    },
  };
}
