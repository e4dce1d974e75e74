/** The files of a live server in tests. */

function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind} ${String(index).padStart(3, '0')}`);
}

export const LIVE = {
  /** Written all the time, but always there. */
  lasting: [...names('small lasting', 30), ...names('large lasting', 3)],
  /** Come, go, and take each other's names. */
  passing: [...names('small passing', 30), ...names('large passing', 3)],
  /** Among them, never touched. */
  still: [...names('small still', 60), ...names('large still', 3)],
} as const;
