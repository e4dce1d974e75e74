/**
 * Nights of a played world, each kept by Roost with plain archives, Roost with a vault, restic and borg: what they take of
 * the disk, what they write, how long a night takes, and what reading the newest and the oldest takes, from the page cache
 * and after it was emptied. All keepers play the same nights, one after the other, and read in rounds, so that a machine
 * that is busy for a while is so for all of them.
 *
 * `npm run bench -- vault --nights 90 --keep 30 --size 128MiB --saved 4 --churn spatial --keeper vault`
 *
 * `npm run bench -- vault collection --nights 30 --size 10GiB [--filled]`: what one collection of a large server takes.
 */
import fs from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseBytes } from '../../src/base/sizes.ts';
import { firstLine, isInstalled } from '../measure.ts';
import { asText, type Table } from '../report.ts';
import type { Churn } from '../world.ts';
import { collectionTable } from './collection.ts';
import { playNights } from './nights.ts';

const { values: options, positionals } = parseArgs({
  args: process.argv.slice(3),
  allowPositionals: true,
  options: {
    nights: { type: 'string', default: '30' },
    /** So many stay; older ones are removed. All without it. */
    keep: { type: 'string' },
    /** Of a world; of an archive, where a collection is measured. */
    size: { type: 'string', default: process.argv.includes('collection') ? '10GiB' : '128MiB' },
    filled: { type: 'boolean', default: false },
    /** Per cent of the world's chunks that a night saves. */
    saved: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    churn: { type: 'string', multiple: true, default: ['spatial', 'uniform'] },
    keeper: { type: 'string', multiple: true, default: ['plain', 'vault', 'restic', 'borg'] },
    directory: { type: 'string', default: tmpdir() },
  },
});

const scratch = fs.mkdtempSync(join(options.directory, 'roost-bench-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

if (positionals.includes('collection')) {
  const [home, nights] = [join(scratch, 'store'), Number.parseInt(options.nights, 10)];
  const size = parseBytes(options.size);
  console.log(asText(collectionTable({ home, nights, size, filled: options.filled })));
  process.exit();
}
const there = options.keeper.filter((name) => name === 'plain' || name === 'vault' || isInstalled(name));
console.log(`load before: ${loadavg()[0]?.toFixed(2)} (on a busy machine wall times say little)`);
for (const name of there.filter(isInstalled)) console.log(firstLine(`${name} --version || ${name} version`));
const nights = Number.parseInt(options.nights, 10);
for (const churn of options.churn as readonly Churn[]) {
  const tables: readonly Table[] = await playNights({
    home: fs.mkdtempSync(join(scratch, `${churn}-`)),
    keepers: there,
    churn,
    nights,
    keep: options.keep === undefined ? nights : Number.parseInt(options.keep, 10),
    size: parseBytes(options.size),
    saved: Number(options.saved) / 100,
    rounds: Number.parseInt(options.rounds, 10),
  });
  for (const table of tables) console.log(`\n${asText(table)}`);
}
console.log(`load after: ${loadavg()[0]?.toFixed(2)}`);
