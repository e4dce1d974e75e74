/**
 * `npm run bench -- outside`: Roost on trees, and beside programs, that this project did not make. BENCH_TREES names a
 * program that makes trees, BENCH_WINGS the archive writer of Wings; without them their rows are left out.
 *
 *   --game 700 --small 100000    MiB and files of the trees that BENCH_TREES makes; 0 leaves one out
 *   --own 700MiB                 the bench's own tree; 0 leaves it out
 *   --tree DIR                   a real tree, only read; `zips` is a directory of jars made on the spot
 *   --part NAME                  of backup repeat restore foreign one-file start floor; repeatable
 *   --rounds 5 --minutes 40      no tree and no round begins later than that
 */
import fs from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatBytes, parseBytes } from '../../src/base/sizes.ts';
import { type Contest, runContests, type Samples } from '../contest.ts';
import { floorContests } from '../cost-contests.ts';
import { quoted, run } from '../measure.ts';
import { asText, sampleTable, type Table, writeMarkdown } from '../report.ts';
import { ROOST } from '../peers.ts';
import { freshDirectory, openScene, type Scene } from '../scene.ts';
import { Trash } from '../trash.ts';
import { makeServer, makeZips, measureTree, type Tree } from '../tree.ts';
import { DONE, firstBackups, foreignRestores, repeatedBackups, restores } from './contests.ts';
import { floorTable } from './floors.ts';
import { oneFileGoal, type OutsideGoal, outsideGoals, outsideTable, startGoals, type TreeKind } from './goals.ts';
import { FOREIGN_FILE, foreignFile, ROOST_FILE } from './one-file.ts';
import { findOutsidePeers } from './peers.ts';
import { openStarts } from './starts.ts';

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    game: { type: 'string', default: '700' },
    small: { type: 'string', default: '100000' },
    own: { type: 'string', default: '700MiB' },
    tree: { type: 'string', multiple: true, default: [] },
    part: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '5' },
    minutes: { type: 'string', default: '40' },
    directory: { type: 'string', default: tmpdir() },
    markdown: { type: 'string' },
    json: { type: 'string' },
  },
});

const scratch = fs.mkdtempSync(join(options.directory, 'roost-bench-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const rounds = Number(options.rounds);
const deadline = performance.now() + Number(options.minutes) * 60_000;
const peers = findOutsidePeers();
const goals: OutsideGoal[] = [];
const tables: Table[] = [];
const facts: Record<string, unknown> = {};
const machine = [
  `npm run bench -- ${process.argv.slice(2).join(' ')}`,
  `${cpus().length} x ${cpus()[0]?.model ?? 'CPU'}, ${formatBytes(totalmem())} of memory, Linux ${release()}`,
  `load before: ${loadavg()[0]?.toFixed(2)} (on a busy machine wall times say little)`,
  ...peers.versions,
  ...peers.missing.map((reason) => `skipped: ${reason}`),
];

// First, because they take seconds, and the time may be over before the trees are.
await measureStarts();
if (Number(options.game) > 0 && peers.trees !== undefined) {
  await measureMade('game', 'game', (at) => outsideTree(at, 'game', options.game));
}
if (Number(options.small) > 0 && peers.trees !== undefined) {
  await measureMade('small', 'small', (at) => outsideTree(at, 'small', options.small));
}
for (const name of options.tree) await measureReal(name);
// Last, as it is the tree that this project made to measure itself by.
if (options.own !== '0') await measureMade("the bench's own", 'game', (at) => makeServer(at, parseBytes(options.own)));
await measureLargeArchive();

machine.push(`load after: ${loadavg()[0]?.toFixed(2)}`);
tables.unshift(outsideTable(goals));
console.log([...machine, ...tables.map((table) => `\n${asText(table)}`)].join('\n'));
if (options.markdown !== undefined) writeMarkdown(options.markdown, 'outside', machine, tables);
if (options.json !== undefined) fs.writeFileSync(options.json, JSON.stringify({ machine, goals, ...facts }, null, 2));

function outsideTree(at: string, kind: string, amount: string): Tree {
  run(`${quoted(peers.trees ?? '')} ${kind} ${quoted(at)} ${amount}`, scratch);
  const tree = measureTree(at);
  return { ...tree, files: tree.files.map((path) => path.slice(at.length + 1)) };
}

/** A tree that is made here, under a daemon. */
async function measureMade(name: string, kind: TreeKind, make: (at: string) => Tree): Promise<void> {
  if (!wants('backup', 'repeat', 'restore', 'foreign', 'floor') || isOver(name)) return;
  tell(`making the tree: ${name}`);
  const home = join(scratch, `tree-${machine.length}`);
  fs.mkdirSync(home);
  const scene: Scene = await openScene(home, peers, make);
  machine.push(`${name}: ${scene.tree.files.length} files, ${formatBytes(scene.tree.bytes)}`);
  const contests = [
    firstBackups(scene, peers, scene.daemon),
    ...(kind === 'game' ? [repeatedBackups(scene, peers), restores(scene), ...foreignRestores(scene, peers)] : []),
    ...floorContests(scene),
  ];
  const samples = await measure(name, contests, () => scene.trash.makeRoom());
  const own = outsideGoals(name, kind, samples);
  goals.push(...own);
  if (wants('floor')) tables.push(floorTable(name, samples, own));
  await scene.daemon?.stop();
  fs.rmSync(home, { recursive: true });
}

/** A real tree is read and never written. */
async function measureReal(name: string): Promise<void> {
  if (!wants('backup', 'floor') || isOver(name)) return;
  const tree = name === 'zips' ? makeZips(join(scratch, 'zips'), parseBytes('700MiB')) : measureTree(name);
  machine.push(`${name}: ${tree.files.length} files, ${formatBytes(tree.bytes)}`);
  const home = join(scratch, `real-${machine.length}`);
  const archive = join(freshDirectory(home, 'archive'), 'a.tar.gz');
  const trash = new Trash(join(home, 'trash'));
  run(`${ROOST} create ${quoted(tree.directory)} ${quoted(archive)}`, home, DONE);
  const contests = [
    firstBackups({ scratch: home, tree }, peers, undefined),
    ...floorContests({ scratch: home, tree, peers, archive, trash }),
  ];
  const samples = await measure(name, contests, () => trash.makeRoom());
  const own = outsideGoals(name, 'real', samples);
  goals.push(...own);
  if (wants('floor')) tables.push(floorTable(name, samples, own));
  fs.rmSync(home, { recursive: true });
}

async function measureStarts(): Promise<void> {
  if (!wants('start')) return;
  const { contest, close } = await openStarts(scratch);
  goals.push(...startGoals(await measure('', [contest])));
  await close();
}

async function measureLargeArchive(): Promise<void> {
  if (!wants('one-file') || peers.wings === undefined || isOver('one file of a large archive')) return;
  tell('making a large archive of others');
  const samples = await measure('', [foreignFile(scratch, peers.wings)]);
  goals.push(...oneFileGoal(samples, FOREIGN_FILE, ROOST_FILE));
}

async function measure(name: string, all: readonly Contest[], clear: () => void = () => undefined): Promise<Samples> {
  const contests = all.filter(({ part }) => wants(part));
  const samples = await runContests(contests, rounds, scratch, tell, clear, () => performance.now() < deadline);
  const table = sampleTable(contests, samples);
  const title = name === '' ? (contests[0]?.work ?? 'others') : `On ${name}`;
  if (contests.length > 0) tables.push({ ...table, title });
  facts[title] = Object.fromEntries(samples);
  return samples;
}

function wants(...parts: readonly string[]): boolean {
  return options.part === undefined || parts.some((part) => options.part?.includes(part));
}

/** True, and said in the report, when there is no time left to begin with something. */
function isOver(what: string): boolean {
  if (performance.now() < deadline) return false;
  machine.push(`skipped: ${what}, as the time is over`);
  return true;
}

function tell(what: string): void {
  process.stderr.write(`${what} ...\n`);
}
