/**
 * Loaded into a daemon and its threads before anything else (`--import`): notes each call that makes something durable,
 * ends one of them in nothing when that is asked for, and stops the process before those at which the power is to go.
 *
 * Between two of these calls nothing becomes durable unless the kernel writes back on its own, so the moments before
 * each of them are all the states that a power cut can show.
 *
 *   POWER_CUT_DIRECTORY   `arm` in it: how many calls to pass before the stop, or `each`; `calls`: a line for each call
 *   POWER_CUT_WITHOUT     the call site, as in `calls`, that does nothing
 *   POWER_CUT_HOLES       `none`: there is no fallocate(2), as where a file system gives no holes back, so that packs are merged
 */
import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import koffi from 'koffi';
import { CATALOGUE_SITE, siteOf } from './sites.ts';

const directory = process.env['POWER_CUT_DIRECTORY'] ?? '';
const without = process.env['POWER_CUT_WITHOUT'];
const { appendFileSync, readFileSync, writeFileSync, fsync, fsyncSync, fdatasync, fdatasyncSync } = fs;

/** @returns false when the call is the one that is left out. */
function passes(site = siteOf(new Error('here').stack ?? '')): boolean {
  stopIfArmed();
  appendFileSync(join(directory, 'calls'), `${site}\n`);
  return site !== without;
}

function stopIfArmed(): void {
  const path = join(directory, 'arm');
  const armed = readFileSync(path, 'latin1');
  if (armed === '') return;
  if (armed === 'each') return void process.kill(process.pid, 'SIGSTOP');
  const left = Number(armed);
  writeFileSync(path, left === 0 ? '' : String(left - 1));
  if (left === 0) process.kill(process.pid, 'SIGSTOP');
}

function callback<Original extends typeof fsync>(original: Original): Original {
  const wrapped = (handle: number, done: fs.NoParamCallback): void => {
    if (passes()) original(handle, done);
    else setImmediate(done, null);
  };
  return wrapped as Original;
}

function direct(original: typeof fsyncSync): typeof fsyncSync {
  return (handle) => {
    if (passes()) original(handle);
  };
}

Error.stackTraceLimit = 40;
fs.fsync = callback(fsync);
fs.fdatasync = callback(fdatasync);
fs.fsyncSync = direct(fsyncSync);
fs.fdatasyncSync = direct(fdatasyncSync);

const opened = await fs.promises.open('/');
const handles = Object.getPrototypeOf(opened) as Record<'sync' | 'datasync', () => Promise<void>>;
await opened.close();
for (const name of ['sync', 'datasync'] as const) {
  const original = handles[name];
  handles[name] = async function (this: unknown) {
    if (passes()) await Reflect.apply(original, this, []);
  };
}

// The commits of SQLite are flushed by its own code: what can be left out is that it does so at all.
const database = DatabaseSync.prototype as { exec: (this: DatabaseSync, sql: string) => void };
const { exec } = database;
database.exec = function (this: DatabaseSync, sql: string) {
  if (sql === 'COMMIT') passes(CATALOGUE_SITE);
  const lax = without === CATALOGUE_SITE ? sql.replaceAll(/synchronous = \w+/g, 'synchronous = OFF') : sql;
  Reflect.apply(exec, this, [lax]);
};

const load = koffi.load;
koffi.load = (path, ...rest) => {
  const library = load(path, ...rest);
  const func = library.func.bind(library) as (...words: unknown[]) => unknown;
  const watched = (...words: unknown[]): unknown => {
    if (process.env['POWER_CUT_HOLES'] === 'none' && String(words[0]).includes('fallocate')) throw new Error('none');
    const found = func(...words) as (descriptor: number) => number;
    if (!String(words[0]).includes('syncfs')) return found;
    return (descriptor: number) => (passes() ? found(descriptor) : 0);
  };
  // Assigning does not do: the method is read-only where it is inherited from.
  Object.defineProperty(library, 'func', { value: watched });
  return library;
};
