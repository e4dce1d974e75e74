/** What is paid before any byte is archived: starts, and a backup of next to nothing. */
import fs from 'node:fs';
import { join } from 'node:path';
import type { Contest } from '../contest.ts';
import { BenchDaemon, EMPTY } from '../daemon.ts';
import { quoted, run, type Sample } from '../measure.ts';
import { MAIN, ROOST } from '../peers.ts';
import { freshDirectory } from '../scene.ts';

export const NODE = 'bare Node';
export const VERSION = 'roost --version';
export const ONE_SMALL = 'roost archive create of one small file';
export const SERVE = 'roost serve, until it answers';
export const SMALL_BACKUP = 'backup of one small file, warm daemon';
/** Small backups in a row: the clock of a process's CPU time ticks a hundred times a second. */
const BACKUPS = 10;

export async function openStarts(scratch: string): Promise<{ contest: Contest; close: () => Promise<void> }> {
  const home = join(scratch, 'starts');
  const small = join(home, 'servers', EMPTY);
  fs.mkdirSync(small, { recursive: true });
  fs.writeFileSync(join(small, 'a'), 'abc');
  const daemon = await BenchDaemon.start(home);
  const node = quoted(process.execPath);
  const command = (name: string, line: string) => ({ name, run: () => run(line, scratch) });
  const file = join(scratch, 'out', 'a.tar.gz');
  const contest: Contest = {
    part: 'start',
    work: 'start',
    bytes: 0,
    contenders: [
      command(NODE, `${node} -e 0`),
      command(VERSION, `${node} ${quoted(MAIN)} --version`),
      {
        ...command(ONE_SMALL, `${ROOST} create ${quoted(small)} ${quoted(file)}`),
        prepare: () => void freshDirectory(scratch, 'out'),
      },
      { name: SERVE, run: () => serve(freshDirectory(scratch, 'served')) },
      { name: SMALL_BACKUP, prepare: () => oneBackup(daemon), run: () => smallBackups(daemon) },
    ],
  };
  return { contest, close: () => daemon.stop() };
}

async function oneBackup(daemon: BenchDaemon): Promise<void> {
  await daemon.remove(EMPTY, await daemon.backup(EMPTY));
}

/** The mean of some. */
async function smallBackups(daemon: BenchDaemon): Promise<Sample> {
  const made: string[] = [];
  const { seconds, cpuSeconds = Number.NaN } = await daemon.measure(async () => {
    for (let count = 0; count < BACKUPS; count++) made.push(await daemon.backup(EMPTY));
  });
  for (const id of made) await daemon.remove(EMPTY, id);
  return { seconds: seconds / BACKUPS, cpuSeconds: cpuSeconds / BACKUPS };
}

async function serve(home: string): Promise<Sample> {
  fs.mkdirSync(join(home, 'servers'));
  const start = performance.now();
  const daemon = await BenchDaemon.start(home, 5);
  await daemon.ask('/health');
  const seconds = (performance.now() - start) / 1000;
  await daemon.stop();
  return { seconds };
}
