/** Nights of a world: what keeping them takes, and what reading them takes. */
import fs from 'node:fs';
import { join } from 'node:path';
import { formatBytes, MEBIBYTE } from '../../src/base/sizes.ts';
import type { Table } from '../report.ts';
import { quantile } from '../statistics.ts';
import { type Churn, World } from '../world.ts';
import { diskBytes, dropFromCache } from './disk.ts';
import { firstBackups, type FirstOptions, SEED, secondsOf } from './first.ts';
import { type Keeper, KEEPERS } from './keepers.ts';

const FILES_READ = 40;

export interface NightsOptions extends FirstOptions {
  readonly churn: Churn;
  readonly nights: number;
  /** So many stay. */
  readonly keep: number;
}

interface Played {
  readonly keeper: Keeper;
  readonly world: World;
  /** Bytes of disk after the first night. */
  readonly first: number;
  /** Bytes of the archive of the first night, or of the disk where there is none. */
  readonly archive: number;
  readonly seconds: number[];
  readonly written: number[];
  /** Of chunks and pages. */
  changed: number;
  /** Of disk, after the last night. */
  disk: number;
  /** Written by a night that changed nothing. */
  idle: number;
}

export async function playNights(options: NightsOptions): Promise<readonly Table[]> {
  const firsts = await firstBackups(options);
  const all: Played[] = [];
  for (const name of options.keepers) all.push(await begin(name, options));
  for (let night = 1; night < options.nights; night++) {
    process.stderr.write(`${options.churn}, night ${night + 1} ...\n`);
    for (const each of all) await playNight(each, night, options);
  }
  for (const each of all) {
    each.disk = diskBytes(each.keeper.store);
    // The first of two has what the last removal wrote.
    await each.keeper.night();
    each.idle = await each.keeper.night();
  }
  const title = `${options.nights} nights, ${options.keep} kept, ${options.churn}`;
  const tables = [keptTable(`V1, V3: ${title}`, all, options), await readTable(`V5: ${title}`, all, firsts, options)];
  for (const { keeper } of all) await keeper.close();
  fs.rmSync(options.home, { recursive: true });
  return tables;
}

async function begin(name: string, { home, size, saved }: NightsOptions): Promise<Played> {
  const make = KEEPERS[name];
  if (make === undefined) throw new Error(`there is no keeper ${name}`);
  const keeper = await make(fs.mkdtempSync(join(home, `${name}-`)));
  const world = new World(keeper.world, size, SEED, saved);
  await keeper.night();
  const first = diskBytes(keeper.store);
  const archive = (await keeper.archives?.size(0)) ?? first;
  return { keeper, world, first, archive, seconds: [], written: [], changed: 0, disk: 0, idle: 0 };
}

async function playNight(played: Played, night: number, { churn, keep }: NightsOptions): Promise<void> {
  const { keeper, world } = played;
  played.changed += world.play(churn);
  played.seconds.push(await secondsOf(async () => played.written.push(await keeper.night())));
  if (night >= keep) await keeper.forget(night - keep);
}

function keptTable(title: string, all: readonly Played[], { nights, keep }: NightsOptions): Table {
  const plain = all.find(({ keeper }) => keeper.name === 'plain');
  const rows = all.map((played) => {
    const { keeper, first, archive, disk, changed, written, idle } = played;
    const ofArchive = (bytes: number): string => `${((100 * bytes) / archive).toFixed(2)} %`;
    const eachWritten = written.reduce((sum, bytes) => sum + bytes, 0) / (nights - 1);
    const eachChanged = changed / (nights - 1);
    return [
      keeper.name,
      formatBytes(archive),
      `${(disk / archive).toFixed(2)} x`,
      ofArchive(eachChanged),
      nights === keep ? ofArchive((disk - first) / (nights - 1)) : '',
      ofArchive(eachWritten),
      `${((eachWritten - 2 * MEBIBYTE) / eachChanged).toFixed(2)} x`,
      ofArchive(idle),
      `${middle(played.seconds).toFixed(2)} (${ratio(middle(played.seconds), plain && middle(plain.seconds))})`,
    ];
  });
  const headings = 'keeper,archive,disk,changed,new,written,over 2 MiB,idle night,night s'.split(',');
  return { title, headings, rows };
}

/** Reads in rounds, each keeper in turn. */
async function readTable(
  title: string,
  all: readonly Played[],
  firsts: ReadonlyMap<string, readonly number[]>,
  options: NightsOptions,
): Promise<Table> {
  const oldest = options.nights - options.keep;
  const newest = options.nights - 1;
  const rows = [
    ['first backup', ...all.map(({ keeper: { name } }) => cell(firsts.get(name) ?? [], firsts.get('plain')))],
  ];
  for (const cold of [false, true]) {
    for (const [which, night] of [
      ['newest', newest],
      ['oldest', oldest],
    ] as const) {
      for (const [work, reads] of Object.entries(readsOf(night))) {
        process.stderr.write(`${work}, ${which}, ${cold ? 'cold' : 'warm'} ...\n`);
        const taken = await inRounds(all, options.rounds, cold, reads);
        const plain = taken.get('plain');
        const cells = all.map(({ keeper: { name } }) => cell(taken.get(name) ?? [], plain));
        rows.push([`${work} of the ${which}, ${cold ? 'cold' : 'warm'}`, ...cells]);
      }
    }
  }
  const files = await filesTable(all, newest);
  return { title, headings: ['seconds', ...all.map(({ keeper }) => keeper.name)], rows: [...rows, ...files] };
}

type Read = (keeper: Keeper) => Promise<void> | undefined;

function readsOf(night: number): Readonly<Record<string, Read>> {
  return {
    restore: (keeper) => keeper.restore(night),
    verify: ({ archives }) => archives?.verify(night),
    download: ({ archives }) => archives?.download(night),
  };
}

/** Seconds, by keeper. One round before counts only for what is warm. */
async function inRounds(all: readonly Played[], rounds: number, cold: boolean, read: Read) {
  const taken = new Map<string, number[]>();
  for (let round = cold ? 0 : -1; round < rounds; round++) {
    for (const { keeper } of all) {
      if (keeper.archives === undefined && round < 0) continue;
      if (cold) dropFromCache(keeper.store);
      let done: Promise<void> | undefined;
      const each = await secondsOf(async () => {
        done = read(keeper);
        await done;
      });
      if (done === undefined || round < 0) continue;
      taken.set(keeper.name, [...(taken.get(keeper.name) ?? []), each]);
    }
  }
  return taken;
}

/** Single files of the newest, in turn, from the page cache. */
async function filesTable(all: readonly Played[], night: number): Promise<readonly string[][]> {
  const taken = new Map<string, number[]>();
  for (let ask = 0; ask < FILES_READ; ask++) {
    for (const { keeper } of all) {
      const took = await keeper.archives?.file(night, `players/${ask % 40}.json`);
      if (took !== undefined) taken.set(keeper.name, [...(taken.get(keeper.name) ?? []), took]);
    }
  }
  const cells = all.map(({ keeper: { name } }) => {
    const times = taken.get(name);
    return times === undefined ? '' : `${quantile(times, 0.5).toFixed(1)} ms`;
  });
  return [['one file of the newest, p50', ...cells]];
}

function cell(taken: readonly number[], plain: readonly number[] | undefined): string {
  if (taken.length === 0) return '';
  return `${middle(taken).toFixed(2)} (${ratio(middle(taken), plain && middle(plain))})`;
}

function middle(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Against plain archives. */
function ratio(value: number, plain: number | undefined): string {
  return plain === undefined ? '' : `${(value / plain).toFixed(2)} x`;
}
