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
  ...Array.from({ length: 20 }, (_, number) => [`file ${number}`, join(outside, 'secret')] as const),
  ['large', join(outside, 'secret')],
];
for (const [name, target] of swaps) fs.symlinkSync(target, at(`${name}.link`));
execFileSync('mkfifo', [at('fifo')]);

let count = 0;
process.on('message', () => process.send?.(count));
process.on('disconnect', () => process.exit());
process.send?.('ready');

/** Names that another thing stands at now. */
const swapped = new Set<string>();

/** Puts the other thing in a name's place, or takes it back. Between two calls the name is free: that is a race too. */
function swap(name: string, other: string): void {
  if (swapped.delete(name)) {
    fs.renameSync(at(name), at(other));
    fs.renameSync(at(`${name}.aside`), at(name));
  } else {
    fs.renameSync(at(name), at(`${name}.aside`));
    fs.renameSync(at(other), at(name));
    swapped.add(name);
  }
  count++;
}

/** An odd number of times, so that what a backup finds at first is as often the one thing as the other. */
const turn = (): void => {
  for (let times = 0; times < 7; times++) {
    for (const [name] of swaps) swap(name, `${name}.link`);
    swap('blocking', 'fifo');
  }
  setImmediate(turn);
};
turn();
