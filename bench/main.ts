/**
 * `npm run bench -- [PART…] --size 1GiB --rounds 5`: the same work done by Roost and by the tools that hosts use
 * instead, on a generated server, and each target of Roost's speed beside what was measured. Rounds are interleaved;
 * tables show medians and how far the rounds were apart. Files are read from the page cache, as after the game wrote
 * them. Parts: backup repeat restore verify one-file small-files health download floor growth micro; all without any.
 *
 * `npm run bench -- event-loop --files 50000`: how long the daemon keeps its callers waiting while it works.
 *
 * `npm run bench -- api --servers 500 --backups 2000 --files 200000`: what a page of a whole node asks the daemon for.
 *
 * `npm run bench -- outside`: on trees and beside programs of others (outside/main.ts has its options).
 *
 * `npm run bench -- front --size 1GiB`: what it costs that Roost stands before Wings.
 *
 * `npm run bench -- vault --nights 30 --size 128MiB`: nights of a world kept by Roost plain, Roost vault, restic and borg.
 */
import fs from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { formatBytes, parseBytes } from '../src/base/sizes.ts';
import { archiveContests, roostFirst, smallFileContest } from './archive-contests.ts';
import { type Contest, runContests } from './contest.ts';
import { floorContests, growthContests } from './cost-contests.ts';
import { daemonContests } from './daemon-contests.ts';
import { goalsOf } from './goals.ts';
import { hasTime } from './measure.ts';
import type { MicroData, MicroEvent } from './micro-thread.ts';
import type { Piece } from './micro.ts';
import { findPeers } from './peers.ts';
import { asText, goalTable, pieceTable, sampleTable, type Table, writeMarkdown } from './report.ts';
import { openScene, type Scene } from './scene.ts';
import { Trash } from './trash.ts';
import { makeServer, makeSmallFiles, makeZips, measureTree } from './tree.ts';

// Another kind of measurement, with options of its own.
if (process.argv[2] === 'event-loop') {
  await import('./event-loop.ts');
  process.exit();
}

if (process.argv[2] === 'api') {
  await import('./api.ts');
  process.exit();
}

if (process.argv[2] === 'outside') {
  await import('./outside/main.ts');
  process.exit();
}

if (process.argv[2] === 'front') {
  await import('./front.ts');
  process.exit();
}

if (process.argv[2] === 'vault') {
  await import('./vault/main.ts');
  process.exit();
}

const PARTS = 'backup repeat restore verify one-file small-files health download floor growth micro'.split(' ');
/** Parts that need the generated tree and its daemon. */
const ON_TREE = PARTS.filter((part) => part !== 'small-files' && part !== 'micro');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '1GiB' },
    'small-files': { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '5' },
    directory: { type: 'string', default: tmpdir() },
    /** Real trees instead of the generated one; `zips` is a directory of jars made on the spot. */
    tree: { type: 'string', multiple: true },
    /** Only these pieces of `micro`, by parts of their names. */
    piece: { type: 'string', multiple: true },
    markdown: { type: 'string' },
    json: { type: 'string' },
  },
});

const parts = new Set(positionals.length === 0 ? PARTS : positionals);
const unknown = [...parts].filter((part) => !PARTS.includes(part));
if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(', ')}; parts are ${PARTS.join(', ')}`);
const rounds = Number.parseInt(options.rounds, 10);

const scratch = fs.mkdtempSync(join(options.directory, 'roost-bench-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const peers = findPeers();
const tables: Table[] = [];
const facts: Record<string, unknown> = { node: process.version, kernel: release(), rounds, peers: peers.versions };
const machine = [
  `${cpus().length} x ${cpus()[0]?.model ?? 'CPU'}, ${formatBytes(totalmem())} of memory, Linux ${release()}`,
  `load before: ${loadavg()[0]?.toFixed(2)} (on a busy machine wall times say little)`,
  ...peers.versions,
  ...peers.missing.map((reason) => `skipped: ${reason}`),
  ...(hasTime ? [] : ['skipped: CPU time and memory of programs, as GNU time is not installed']),
];
for (const line of machine) console.log(line);

if (options.tree === undefined) await measureGenerated();
else for (const name of options.tree) await measureReal(name);
if (parts.has('micro') && options.tree === undefined) await measureMicro();
machine.push(`load after: ${loadavg()[0]?.toFixed(2)}`);
for (const table of tables) console.log(`\n${asText(table)}`);
if (options.markdown !== undefined) writeMarkdown(options.markdown, 'measured', machine, tables);
if (options.json !== undefined) fs.writeFileSync(options.json, JSON.stringify({ machine, ...facts }, null, 2));

async function measureGenerated(): Promise<void> {
  const contests: Contest[] = [];
  let scene: Scene | undefined;
  let smallFiles = '';
  if (ON_TREE.some((part) => parts.has(part))) {
    tell('making the tree');
    scene = await openScene(scratch, peers, (at) => makeServer(at, parseBytes(options.size)));
    machine.push(`the tree: ${scene.tree.files.length} files, ${formatBytes(scene.tree.bytes)}`);
    contests.push(...archiveContests(scene), ...daemonContests(scene), ...floorContests(scene));
  }
  const files = Number.parseInt(options['small-files'], 10);
  if (parts.has('small-files')) {
    tell('making small files');
    const contest = smallFileContest({ scratch, peers, tree: makeSmallFiles(join(scratch, 'small'), files) });
    smallFiles = contest.work;
    contests.push(contest);
  }
  if (scene !== undefined && parts.has('growth')) {
    contests.push(...growthContests(scene, parseBytes(options.size), files));
  }
  await measure('', contests, smallFiles, scene?.trash);
  await scene?.daemon?.stop();
}

/** A real tree is read and never written, so a repeated backup of it and what a daemon does are left out. */
async function measureReal(name: string): Promise<void> {
  const tree = name === 'zips' ? makeZips(join(scratch, 'zips'), parseBytes(options.size)) : measureTree(name);
  machine.push(`${name}: ${tree.files.length} files, ${formatBytes(tree.bytes)}`);
  const made = roostFirst({ scratch, tree }, peers.has.has('isal') ? 'isal' : 'zlib', { place: 'reference' });
  await made.prepare?.(0);
  await made.run(0);
  const archive = join(scratch, `reference-${peers.has.has('isal') ? 'isal' : 'zlib'}`, 'a.tar.gz');
  const trash = new Trash(fs.mkdtempSync(join(scratch, 'trash-')));
  const scene = { scratch, peers, tree, daemon: undefined, archive, backup: '', singleFiles: [], trash };
  await measure(`${name}: `, [...archiveContests(scene), ...floorContests(scene)], '', trash);
}

async function measure(title: string, all: readonly Contest[], smallFiles: string, trash?: Trash): Promise<void> {
  const contests = all.filter(({ part }) => parts.has(part));
  if (contests.length === 0) return;
  const samples = await runContests(contests, rounds, scratch, tell, () => trash?.makeRoom());
  const goals = goalsOf(samples, smallFiles);
  const titled = (table: Table): Table => ({ ...table, title: title + table.title });
  tables.push(titled(goalTable(goals)), titled(sampleTable(contests, samples)));
  facts[`${title}goals`] = goals;
  facts[`${title}samples`] = Object.fromEntries(samples);
}

async function measureMicro(): Promise<void> {
  const workerData: MicroData = { scratch: fs.mkdtempSync(join(scratch, 'micro-')), wanted: options.piece ?? [] };
  const thread = new Worker(new URL('./micro-thread.ts', import.meta.url), { workerData });
  const pieces = await new Promise<readonly Piece[]>((resolve, reject) => {
    thread.on('error', reject);
    thread.on('message', (event: MicroEvent) => {
      if ('about' in event) tell(event.about);
      else resolve(event.pieces);
    });
  });
  tables.push(pieceTable(pieces));
  facts['pieces'] = pieces;
}

function tell(what: string): void {
  process.stderr.write(`${what} ...\n`);
}
