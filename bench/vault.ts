/**
 * Nights of a played world, each kept by Roost with plain archives, Roost with a vault, restic and borg: what they take
 * of the disk, what they write and how long a night takes, and restores of the newest and the oldest, read from the page
 * cache and again after the kept files were dropped from it.
 *
 * `npm run bench -- vault --nights 30 --size 128MiB --churn spatial --churn uniform --keeper vault`
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatBytes, parseBytes } from '../src/base/sizes.ts';
import { BenchDaemon, FULL } from './daemon.ts';
import { firstLine, hasTime, isInstalled, quoted } from './measure.ts';
import { asText } from './report.ts';
import { type Churn, World } from './world.ts';

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    nights: { type: 'string', default: '30' },
    size: { type: 'string', default: '128MiB' },
    churn: { type: 'string', multiple: true, default: ['spatial', 'uniform'] },
    keeper: { type: 'string', multiple: true, default: ['plain', 'vault', 'restic', 'borg'] },
    directory: { type: 'string', default: tmpdir() },
  },
});

const SEED = 77;
const nights = Number.parseInt(options.nights, 10);
const scratch = fs.mkdtempSync(join(options.directory, 'roost-bench-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

/** A way of keeping backups. */
interface Keeper {
  /** The directory that it keeps them in. */
  readonly store: string;
  /** Where the world lies. */
  readonly world: string;
  /** Keeps the world as it is. @returns bytes written. */
  night(): Promise<number>;
  /** Restores what was kept as the `at`-th, from 0. */
  restore(at: number): Promise<void>;
  close(): Promise<void>;
}

async function roost(home: string, layout: 'plain' | 'vault'): Promise<Keeper> {
  const world = join(home, 'servers', FULL);
  const daemon = await BenchDaemon.start(home, 50, layout);
  const ids: string[] = [];
  return {
    store: join(home, 'backups'),
    world,
    async night() {
      const before = daemon.writtenBytes();
      ids.push(await daemon.backup(FULL));
      return daemon.writtenBytes() - before;
    },
    restore: (at) => daemon.restore(FULL, ids[at] ?? ''),
    close: () => daemon.stop(),
  };
}

/** @param lines of a shell: `init`, `night` and `restore` with the number of what was kept. */
function program(
  home: string,
  lines: Readonly<Record<'init' | 'night', string>> & { restore(at: number): string },
): Keeper {
  const [world, store] = [join(home, 'world'), join(home, 'kept')];
  shell(home, lines.init);
  return {
    store,
    world,
    night: () => Promise.resolve(shell(home, lines.night)),
    restore(at) {
      fs.rmSync(join(home, 'out'), { recursive: true, force: true });
      fs.mkdirSync(join(home, 'out'));
      shell(home, lines.restore(at));
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

/** @returns bytes that the line wrote to disks, as the kernel counts them (getrusage(2), ru_oublock). */
function shell(home: string, line: string): number {
  const report = join(home, 'written.txt');
  const command = ['bash', '-ec', `cd ${quoted(home)}; ${line}`];
  const argv = hasTime ? ['/usr/bin/time', '--quiet', '-o', report, '-f', '%O', ...command] : command;
  const env = {
    ...process.env,
    HOME: home,
    RESTIC_PASSWORD: 'bench',
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
    BORG_RELOCATED_REPO_ACCESS_IS_OK: 'yes',
  };
  const { status, stderr } = spawnSync(argv[0] ?? '', argv.slice(1), { env, stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`"${line}" ended with ${status}: ${String(stderr)}`);
  return hasTime ? Number(fs.readFileSync(report, 'utf8')) * 512 : Number.NaN;
}

const KEEPERS: Readonly<Record<string, (home: string) => Promise<Keeper>>> = {
  plain: (home) => roost(home, 'plain'),
  vault: (home) => roost(home, 'vault'),
  restic: (home) =>
    Promise.resolve(
      program(home, {
        init: 'restic init -r kept --repository-version 2',
        night: 'restic backup -q -r kept world; restic snapshots -r kept --json > snapshots.json',
        restore: (at) => `restic restore -q -r kept --target out ${snapshot(home, at)}`,
      }),
    ),
  borg: (home) => {
    let night = 0;
    const keeper = program(home, {
      init: 'borg init -e none kept',
      night: 'borg create kept::$(cat name) world',
      restore: (at) => `cd out; borg extract ../kept::night-${at}`,
    });
    return Promise.resolve({
      ...keeper,
      night() {
        fs.writeFileSync(join(home, 'name'), `night-${night++}`);
        return keeper.night();
      },
    });
  },
};

function snapshot(home: string, at: number): string {
  const all = JSON.parse(fs.readFileSync(join(home, 'snapshots.json'), 'utf8')) as readonly { readonly id: string }[];
  return all[at]?.id ?? '';
}

/** Bytes of disk, with directories. */
function diskBytes(directory: string): number {
  return Number(spawnSync('du', ['-s', '-B1', directory], { encoding: 'utf8' }).stdout.split('\t')[0]);
}

/** Drops a directory's files from the page cache, and no other's. */
function dropFromCache(directory: string): void {
  const advise = 'dd of="$1" oflag=nocache conv=notrunc,fdatasync count=0 status=none';
  spawnSync('find', [directory, '-type', 'f', '-exec', 'sh', '-c', advise, 'sh', '{}', ';']);
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function keep(name: string, churn: Churn): Promise<readonly string[]> {
  const home = fs.mkdtempSync(join(scratch, `${name}-`));
  const keeper = await (KEEPERS[name] ?? (() => Promise.reject(new Error(`there is no keeper ${name}`))))(home);
  const world = new World(keeper.world, parseBytes(options.size), SEED);
  await keeper.night();
  const first = diskBytes(keeper.store);
  const times: number[] = [];
  let [written, changed] = [0, 0];
  for (let night = 1; night < nights; night++) {
    changed += world.play(churn);
    times.push(await seconds(async () => (written += await keeper.night())));
  }
  const disk = diskBytes(keeper.store);
  const restores: number[] = [];
  for (const cold of [false, true]) {
    for (const at of [nights - 1, 0]) {
      if (cold) dropFromCache(keeper.store);
      restores.push(await seconds(() => keeper.restore(at)));
    }
  }
  await keeper.close();
  fs.rmSync(home, { recursive: true });
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  const each = (bytes: number): string => `${((100 * bytes) / (nights - 1) / first).toFixed(2)} %`;
  return [
    name,
    churn,
    formatBytes(first),
    `${(disk / first).toFixed(2)} x`,
    each(changed),
    each(disk - first),
    each(written),
    mean.toFixed(2),
    ...restores.map((time) => time.toFixed(2)),
  ];
}

const there = options.keeper.filter((name) => name === 'plain' || name === 'vault' || isInstalled(name));
console.log(`load before: ${loadavg()[0]?.toFixed(2)} (on a busy machine wall times say little)`);
for (const name of there.filter(isInstalled)) console.log(firstLine(`${name} --version || ${name} version`));
const rows: (readonly string[])[] = [];
for (const churn of options.churn as readonly Churn[]) {
  for (const name of there) {
    process.stderr.write(`${name}, ${churn} ...\n`);
    rows.push(await keep(name, churn));
  }
}
const headings = ['keeper', 'churn', 'first', 'disk', 'changed', 'new a night', 'written a night', 'night s'];
const restores = ['newest s', 'oldest s', 'newest cold s', 'oldest cold s'];
console.log(asText({ title: `${nights} nights kept`, headings: [...headings, ...restores], rows }));
console.log(`load after: ${loadavg()[0]?.toFixed(2)}`);
