/**
 * How calls that make something durable are named: by the functions on the way to them, innermost first, without lines,
 * which move. Two such calls in one function have one name, and are left out together.
 */

/** SQLite's own flushes, all of them. */
export const CATALOGUE_SITE = 'catalogue: PRAGMA synchronous';

/** Functions that flush for others: which of their callers it was is what tells one call from another. */
const PASSES_ON = [
  'base/files/handles.ts',
  'base/files/handle-writes.ts',
  'storage/local/files.ts',
  'Stage.sync',
  'flushFileSystem',
];

/** `servers/stage/stage.ts Stage.sync < jobs/restore/plan-file.ts writeRestorePlan` out of a stack of `Error`. */
export function siteOf(stack: string): string {
  const parts: string[] = [];
  for (const line of stack.split('\n')) {
    const found = /at (?:async )?(?:(\S+) \(?)?.*\/src\/([^:)]+):\d+:\d+/.exec(line);
    if (found?.[2] === undefined) continue;
    const part = `${found[2]} ${found[1] ?? '?'}`;
    parts.push(part);
    if (!PASSES_ON.some((helper) => part.includes(helper))) break;
  }
  return parts.join(' < ');
}
