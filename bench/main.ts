/**
 * `npm run bench -- --size 1GiB --rounds 3`: the same work done by Roost and by the tools that hosts use instead, on
 * a generated server. Runs are interleaved (each round asks everybody once, in turns), so that a slow minute of the
 * machine hurts all alike; the table shows medians and how far the runs were apart. Files are read from the page
 * cache, as after the game wrote them.
 *
 * `npm run bench -- event-loop` measures something else: how long the daemon keeps its callers waiting meanwhile.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatBytes, parseBytes } from '../src/base/sizes.ts';
import { findContenders } from './contenders.ts';
import type { Contender, Place } from './contenders.ts';
import { hasTime, run, settle } from './measure.ts';
import type { Cost } from './measure.ts';
import { report } from './report.ts';
import type { Row } from './report.ts';
import { changeHundredth, makeServer, makeSmallFiles } from './tree.ts';
import type { Tree } from './tree.ts';

if (process.argv[2] === 'event-loop') {
  await import('./event-loop.ts');
  process.exit();
}

const WORKS = ['first backup', 'repeated backup', 'extract', 'verify', 'one file'] as const;
type Work = (typeof WORKS)[number];

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: '1GiB' },
    'small-files': { type: 'string' },
    rounds: { type: 'string', default: '3' },
    directory: { type: 'string', default: tmpdir() },
    only: { type: 'string', multiple: true },
  },
});

const scratch = fs.mkdtempSync(join(options.directory, 'roost-bench-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const rounds = Number.parseInt(options.rounds, 10);
const tree = makeTree(join(scratch, 'server'));
const { contenders, missing } = chosen();
console.log(
  `${tree.files.length} files, ${formatBytes(tree.bytes)}; ${cpus().length} x ${cpus()[0]?.model ?? 'CPU'}; ${rounds} rounds`,
);
for (const { name, version } of contenders) console.log(`  ${name}: ${version}`);
for (const reason of missing) console.log(`  not measured: ${reason}`);
console.log(`  load of the machine before: ${loadavg()[0]?.toFixed(2)} (on a busy one, wall times say little)`);
if (!hasTime) console.log('  CPU and memory are not measured: GNU time is not installed');

const measured = new Map<string, Cost[]>();
const sizes = new Map<string, number>();
for (let round = 0; round < rounds; round++) measureRound(round);
console.log(`\n${report(WORKS.flatMap(rowsOf))}`);

function makeTree(directory: string): Tree {
  const count = options['small-files'];
  if (count !== undefined) return makeSmallFiles(directory, Number.parseInt(count, 10));
  return makeServer(directory, parseBytes(options.size));
}

function chosen(): ReturnType<typeof findContenders> {
  const field = findContenders();
  const { only } = options;
  if (only === undefined) return field;
  return { ...field, contenders: field.contenders.filter(({ name }) => only.some((word) => name.includes(word))) };
}

/** One turn of everybody through all works, beginning with another contender each round. */
function measureRound(round: number): void {
  const first = round % contenders.length;
  const order = [...contenders.slice(first), ...contenders.slice(0, first)];
  for (const contender of order) {
    run(contender.reset(placeOf(contender)), scratch);
    measure(contender, 'first backup');
  }
  // Roost copies only what came to rest two seconds before the older backup read it; the others do not mind.
  waitForClock(3);
  changeHundredth(tree, round);
  waitForClock(3);
  for (const work of ['repeated backup', 'extract', 'verify', 'one file'] as const) {
    for (const contender of order) measure(contender, work);
  }
}

function measure(contender: Contender, work: Work): void {
  const place = placeOf(contender);
  run(`rm -rf ${place.own}/out && mkdir ${place.own}/out`, scratch);
  settle();
  const key = `${work}/${contender.name}`;
  process.stderr.write(`${key} ...\n`);
  measured.set(key, [...(measured.get(key) ?? []), run(lineFor(contender, work, place), scratch)]);
  if (work === 'first backup' || work === 'repeated backup') {
    sizes.set(key, sizeOf(contender.archive(place, work === 'repeated backup')));
  }
}

function lineFor(contender: Contender, work: Work, place: Place): string {
  if (work === 'first backup') return contender.first(place);
  if (work === 'repeated backup') return contender.again(place);
  return work === 'one file' ? contender.oneFile(place) : contender[work](place);
}

function placeOf(contender: Contender): Place {
  const own = join(scratch, contender.name.replaceAll(/[^a-z0-9]+/g, '-'));
  return { tree: tree.directory, own, oneFile: tree.files[Math.floor(tree.files.length / 2)] ?? '' };
}

function rowsOf(work: Work): Row[] {
  return contenders.map(({ name }) => {
    const key = `${work}/${name}`;
    return { work, contender: name, costs: measured.get(key) ?? [], bytes: tree.bytes, archiveBytes: sizes.get(key) };
  });
}

function sizeOf(path: string): number {
  return Number.parseInt(String(spawnSync('du', ['-sb', path]).stdout), 10);
}

function waitForClock(seconds: number): void {
  spawnSync('sleep', [String(seconds)]);
}
