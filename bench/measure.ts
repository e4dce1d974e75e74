/** Runs one shell line and says what it cost: wall time, CPU time, peak memory. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { freemem } from 'node:os';
import { MEBIBYTE } from '../src/base/sizes.ts';

/** What one run of one contender cost, and what else was seen of it. */
export interface Sample {
  readonly seconds: number;
  /** User and system time of all processes; undefined without GNU time. */
  readonly cpuSeconds?: number;
  /** Peak resident set of the largest process in bytes; undefined without GNU time. */
  readonly peakBytes?: number;
  /** What it left on the disk. */
  readonly archiveBytes?: number;
  /** Of those, what was copied from an older archive. */
  readonly reusedBytes?: number;
  /** Of work that is asked for again and again: how long each took. */
  readonly latencies?: readonly number[];
}

const TIME = '/usr/bin/time';

/** True where GNU time is installed: CPU and memory are measured. */
export const hasTime = fs.existsSync(TIME);

/** True when a program is found on the PATH. */
export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** The first line that a command prints, such as its version. */
export function firstLine(line: string): string {
  const { stdout, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8' });
  return (stdout.trim() || stderr.trim()).split('\n')[0] ?? '';
}

/** A word that a shell takes as it is. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * @param line given to `bash` with pipefail, so that a pipe fails when any part of it does.
 * @param scratch where the report of GNU time goes.
 * @param allowed exit codes that count as done.
 * @throws when it ends otherwise: a number for work that was not done would be a lie.
 */
export function run(line: string, scratch: string, allowed: readonly number[] = [0]): Sample & { stdout: string } {
  const report = `${scratch}/time.txt`;
  const command = ['bash', '-o', 'pipefail', '-ec', line];
  const argv = hasTime ? [TIME, '--quiet', '-o', report, '-f', '%U %S %M', ...command] : command;
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  const seconds = (performance.now() - start) / 1000;
  if (status === null || !allowed.includes(status)) {
    throw new Error(`"${line}" ended with ${status}: ${String(stderr)}`);
  }
  const printed = { seconds, stdout: stdout.toString() };
  if (!hasTime) return printed;
  const [user = 0, system = 0, kibibytes = 0] = fs.readFileSync(report, 'utf8').trim().split(' ').map(Number);
  return { ...printed, cpuSeconds: user + system, peakBytes: kibibytes * 1024 };
}

/**
 * Makes the start fair for the next run: writes back what earlier runs left in memory, and has the host back as much
 * memory as the run may fill. A virtual machine gives freed memory back to its host, and after a large file was removed
 * the next program paid for each page of it again: five times as much for writing a gibibyte.
 *
 * @param bytes that the next run reads or writes.
 */
export function settle(scratch: string, bytes: number): void {
  spawnSync('sync');
  const path = `${scratch}/touched`;
  const file = fs.openSync(path, 'w');
  const piece = Buffer.alloc(MEBIBYTE);
  for (let left = Math.min(1.25 * bytes, freemem() / 2); left > 0; left -= MEBIBYTE) fs.writeSync(file, piece);
  fs.closeSync(file);
  // Removed before it would be written back: it never reaches the disk.
  fs.unlinkSync(path);
}
