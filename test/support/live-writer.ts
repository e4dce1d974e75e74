/**
 * A game server that never rests, as a process: `node live-writer.ts DIRECTORY SEED`. It appends to, truncates, writes
 * over, replaces, renames, deletes and makes files as fast as it can, until its parent goes or ends it. Each change is
 * one system call, so that every moment of a file is one that it could be kept in.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { RECORD, records } from './live-content.ts';
import { LIVE } from './live-files.ts';

const [directory = '', seed = '1'] = process.argv.slice(2);
let state = Number(seed);

function below(limit: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

/** What each living file is: its number, version and length in records. */
const files = new Map<string, { number: number; version: number; length: number }>();
let made = 0;

function lengthOf(name: string): number {
  // Large files stay above the size from which they are cut by their own offsets, or cross it.
  return name.startsWith('large') ? 7000 + below(16_000) : 1 + below(300);
}

function make(name: string): void {
  const file = { number: made++, version: 0, length: lengthOf(name) };
  const temporary = join(directory, `${name}.tmp`);
  fs.writeFileSync(temporary, records(file.number, 0, 0, file.length));
  fs.renameSync(temporary, join(directory, name));
  files.set(name, file);
}

function open(name: string, act: (descriptor: number) => void): void {
  const descriptor = fs.openSync(join(directory, name), 'r+');
  act(descriptor);
  fs.closeSync(descriptor);
}

function change(name: string): void {
  const file = files.get(name);
  if (file === undefined) {
    make(name);
    return;
  }
  const what = below(100);
  if (what < 30) {
    const count = 1 + below(50);
    const { number, version, length } = file;
    open(name, (descriptor) =>
      fs.writeSync(descriptor, records(number, version, length, count), 0, count * RECORD, length * RECORD),
    );
    file.length += count;
  } else if (what < 45) {
    file.length = below(file.length + 1);
    fs.truncateSync(join(directory, name), file.length * RECORD);
  } else if (what < 65) {
    file.version++;
    open(name, (descriptor) =>
      fs.writeSync(descriptor, records(file.number, file.version, 0, file.length), 0, file.length * RECORD, 0),
    );
  } else if (what < 85 || LIVE.lasting.includes(name)) make(name);
  else if (what < 93) {
    fs.rmSync(join(directory, name));
    files.delete(name);
  } else {
    const other = LIVE.passing[below(LIVE.passing.length)] ?? name;
    if (other === name) return;
    fs.renameSync(join(directory, name), join(directory, other));
    files.set(other, file);
    files.delete(name);
  }
}

process.on('disconnect', () => process.exit());
for (const name of [...LIVE.lasting, ...LIVE.passing]) make(name);
process.send?.('ready');
const all = [...LIVE.lasting, ...LIVE.passing];
const turn = (): void => {
  for (let times = 0; times < 20; times++) change(all[below(all.length)] ?? '');
  setImmediate(turn);
};
turn();
