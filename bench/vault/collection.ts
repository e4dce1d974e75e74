/** V6: what one collection of a large server takes. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import type { ServerId } from '../../src/base/ids.ts';
import { formatBytes, MEBIBYTE } from '../../src/base/sizes.ts';
import { objectKey } from '../../src/storage/key.ts';
import { openLocalStore } from '../../src/storage/local/local.ts';
import { collectServer } from '../../src/storage/vault/collection/collect.ts';
import { freesHoles } from '../../src/storage/vault/collection/punch.ts';
import { Pins } from '../../src/storage/vault/pins.ts';
import type { Table } from '../report.ts';
import { FULL } from '../daemon.ts';
import type { LargeServer, LargeServerOptions } from './large-server.ts';

const SERVER = FULL as ServerId;
const BUILT_THREAD = new URL('../../dist/punch-thread.cjs', import.meta.url);
/** Of an archive, a night. */
const CHANGED = 0.037;

export interface CollectionOptions {
  readonly home: string;
  readonly nights: number;
  readonly size: number;
  /** Packs are filled, and what is dead in them is given back; without it they are holes of the right length. */
  readonly filled: boolean;
}

export interface MeasuredCollection {
  /** Of the newest backup. */
  readonly ranges: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Resident at the peak, beyond what was before. */
  readonly peakBytes: number;
  readonly freedBytes: number;
}

/** Removes the oldest backup and collects, with every other backup's recipe there. Linux counts the memory. */
export async function measureCollection({
  home,
  nights,
  size,
  filled,
}: CollectionOptions): Promise<MeasuredCollection> {
  const { store } = await openLocalStore({ name: 'local', directory: home, identity: remembered() });
  const directory = join(home, SERVER);
  const { backups, ranges } = makeApart({ directory, nights, size, changed: CHANGED, filled });
  const known = (): typeof backups => backups.slice(1);
  const options = {
    store,
    server: SERVER,
    pins: new Pins(),
    known,
    punch: await freesHoles(home),
    mergeAt: 1,
    onMeasured: () => undefined,
    // Of the build: unbuilt, Node takes 20 MiB more for each thread, to strip the types.
    punchThread: filled ? BUILT_THREAD : undefined,
  };
  const [oldest] = backups;
  if (oldest !== undefined) await store.remove(objectKey(SERVER, oldest, 'recipe'));
  const before = forgetPeak();
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const { freedBytes } = await collectServer(options);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1000;
  await store.close();
  return { ranges, seconds, cpuSeconds: (user + system) / 1e6, peakBytes: peak() - before, freedBytes };
}

/** As `measureCollection`, in a process that does nothing else and is started as the daemon is (systemd/roost.service). */
export function measureApart(options: CollectionOptions): MeasuredCollection {
  const words = ['--max-semi-space-size=1', '-e', calling(import.meta.url, measureCollection.name, options)];
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' };
  const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8', env });
  if (status !== 0 || stderr !== '') throw new Error(stderr);
  return JSON.parse(stdout) as MeasuredCollection;
}

export function collectionTable(options: CollectionOptions): Table {
  const { ranges, seconds, cpuSeconds, peakBytes, freedBytes } = measureApart(options);
  const row = [
    `${options.nights} of ${formatBytes(options.size)}, ${options.filled ? 'filled packs' : 'packs of holes'}`,
    `${ranges}`,
    seconds.toFixed(2),
    cpuSeconds.toFixed(2),
    (peakBytes / MEBIBYTE).toFixed(0),
    formatBytes(freedBytes),
  ];
  const headings = ['backups', 'ranges of the newest', 'seconds', 'CPU s', 'MiB more at the peak', 'given back'];
  return { title: 'V6: one collection after a removal', headings, rows: [row] };
}

/** In a process of its own, whose memory is not that of the collection. */
function makeApart(options: LargeServerOptions): LargeServer {
  const made = calling(new URL('large-server.ts', import.meta.url).href, 'makeLargeServer', options);
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', made], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as LargeServer;
}

/** A program that prints what a function of a module answers. */
function calling(module: string, name: string, options: object): string {
  return `import(${JSON.stringify(module)}).then((m) => m.${name}(${JSON.stringify(options)})).then((all) => console.log(JSON.stringify(all)))`;
}

function remembered() {
  let id: string | undefined;
  return { load: () => id, save: (saved: string) => void (id = saved) };
}

/** @returns what is resident now, in bytes. */
function forgetPeak(): number {
  // proc(5): 5 resets the peak to what is resident now.
  fs.writeFileSync('/proc/self/clear_refs', '5');
  return peak();
}

function peak(): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}
