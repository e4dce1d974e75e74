/**
 * Loaded into a daemon (`--import`): notes how much CPU its serving thread took between two chances of a timer to run,
 * in ms, a line each. Whoever asks something waits for one such turn, on however busy a machine.
 *
 *   TURNS_FILE   where
 */
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const EVERY_MS = 5;
const AT_ONCE = 100;
const path = process.env['TURNS_FILE'];

function usedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

if (isMainThread && path !== undefined) {
  const turns: string[] = [];
  let before = usedMs();
  setInterval(() => {
    const now = usedMs();
    turns.push((now - before).toFixed(2));
    if (turns.length === AT_ONCE) appendFileSync(path, `${turns.splice(0).join('\n')}\n`);
    before = usedMs();
  }, EVERY_MS).unref();
}
