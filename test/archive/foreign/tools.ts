/** Real archivers, for archives that others made. A missing one is named in the titles of the tests that it skips. */
import { spawnSync } from 'node:child_process';

export type Tool = 'tar' | 'bsdtar' | 'python3' | 'zip' | 'gzip';

const FOUND = new Map<Tool, boolean>();

/** Whether a tool is there and is the one that its name promises. */
export function has(tool: Tool): boolean {
  let found = FOUND.get(tool);
  if (found === undefined) {
    const { status, stdout } = spawnSync(tool, [tool === 'zip' ? '-v' : '--version'], { encoding: 'utf8' });
    found = status === 0 && (tool !== 'tar' || stdout.includes('GNU tar'));
    FOUND.set(tool, found);
  }
  return found;
}

/** The end of a test's title: why it is skipped, when it is. */
export function unless(...tools: readonly Tool[]): string {
  const missing = tools.filter((tool) => !has(tool));
  return missing.length === 0 ? '' : ` (skipped: ${missing.join(' and ')} not installed)`;
}

/** Runs a tool to its end. Names may be bytes, so arguments go through unchanged. */
export function run(
  tool: Tool,
  args: readonly string[],
  options: { cwd?: string; input?: string | Buffer } = {},
): Buffer {
  const { status, stdout, stderr, error } = spawnSync(tool, args, {
    ...options,
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    maxBuffer: 256 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${tool} ${args.join(' ')} ended with ${status}: ${stderr.toString()}`);
  return stdout;
}
