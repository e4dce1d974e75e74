/**
 * An owner who wants to see what is not his, as a process: `node live-swapper.ts DIRECTORY OUTSIDE`. As fast as it can it
 * swaps directories for links that lead outside, and files for links, FIFOs and back. Answers each message with the
 * number of swaps so far.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';

const [directory = '', outside = ''] = process.argv.slice(2);
const at = (name: string): string => join(directory, name);

/** What stands at a name, and what takes its place for a moment. */
const swaps: readonly (readonly [string, string])[] = [
  ['d', outside],
  ['etc', '/etc'],
  ['deep/middle', outside],
  ['file', join(outside, 'secret')],
  ['large', join(outside, 'secret')],
];
for (const [name, target] of swaps) fs.symlinkSync(target, at(`${name}.link`));
execFileSync('mkfifo', [at('fifo')]);

let count = 0;
process.on('message', () => process.send?.(count));
process.on('disconnect', () => process.exit());
process.send?.('ready');

/** Puts another thing in a name's place, and back. Between two calls the name may be free: that is a race too. */
function swap(name: string, other: string): void {
  fs.renameSync(at(name), at(`${name}.aside`));
  fs.renameSync(at(other), at(name));
  count++;
  fs.renameSync(at(name), at(other));
  fs.renameSync(at(`${name}.aside`), at(name));
}

const turn = (): void => {
  for (const [name] of swaps) for (let times = 0; times < 10; times++) swap(name, `${name}.link`);
  for (let times = 0; times < 10; times++) swap('blocking', 'fifo');
  setImmediate(turn);
};
turn();
