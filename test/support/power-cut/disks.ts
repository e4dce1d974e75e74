/**
 * Disks whose power can go: file systems in images behind loop devices, most of them mounted so that nothing is written
 * back for minutes unless it is asked for. What an image holds at an instant is what a disk holds when the power goes then.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { LAYOUT } from '../daemon.ts';
import { output } from '../programs.ts';
import { scratchDirectory } from '../scratch.ts';

export const FILE_SYSTEMS = ['ext4', 'ext4-noauto', 'ext4-writeback', 'xfs', 'btrfs'] as const;
export type FileSystem = (typeof FILE_SYSTEMS)[number];

/** `one`: all on one disk. `two`: the servers on their own. `three`: the store too. */
export const DISK_COUNTS = ['one', 'two', 'three'] as const;
export type DiskCount = (typeof DISK_COUNTS)[number];

export type Layout = 'plain' | 'vault';
const LAYOUT_OF_RUN: Layout = LAYOUT === '' ? 'plain' : 'vault';

const IMAGE_BYTES = '320M';

const MAKE_EXT4 = ['mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0'];

// ext4 as most hosts mount it writes names after five seconds, and flushes a file that is renamed over another
// (auto_da_alloc): what is lost then is lost in another order. Without these two a missing fsync shows.
const HOW: Record<FileSystem, { readonly make: readonly string[]; readonly mount: string; readonly copy: string }> = {
  ext4: { make: MAKE_EXT4, mount: 'loop', copy: 'loop' },
  'ext4-noauto': { make: MAKE_EXT4, mount: 'loop,commit=300,noauto_da_alloc', copy: 'loop' },
  'ext4-writeback': { make: MAKE_EXT4, mount: 'loop,commit=300,noauto_da_alloc,data=writeback', copy: 'loop' },
  xfs: { make: ['mkfs.xfs', '-q', '-f'], mount: 'loop', copy: 'loop,nouuid' },
  btrfs: { make: ['mkfs.btrfs', '-q', '-f'], mount: 'loop,commit=300', copy: 'loop' },
};

/** Why no such disk can be had on this host; undefined when it can. */
export function missingFor(fileSystem: FileSystem): string | undefined {
  if (process.geteuid?.() !== 0) return 'not root';
  const [program = ''] = HOW[fileSystem].make;
  if (spawnSync(program, ['-V']).error !== undefined) return `no ${program}`;
  if (spawnSync('losetup', ['--find']).status !== 0) return 'no loop device';
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) return 'no mount namespace';
  return undefined;
}

export interface Disks {
  /** Directories on the disks; on one disk all lie on the same. */
  readonly state: string;
  readonly store: string;
  readonly servers: string;
  /** How the store comes to keep archives; a game may begin before it does. */
  readonly layout: Layout;
  /** False where the daemon is told so: it has to merge packs then. */
  readonly givesHolesBack: boolean;
  /** Copies what the disks hold now, unsynced. Whoever writes to them has to be stopped. */
  cut(): Promise<Cut>;
  release(): Promise<void>;
}

/** Disks as the power left them. */
export interface Cut {
  /** Mounts them, which replays their journals. */
  mount(): Promise<MountedCut>;
  remove(): Promise<void>;
}

export interface MountedCut {
  /** Where each disk is mounted now, and where it was. */
  readonly mounts: readonly { readonly at: string; readonly was: string }[];
  /** Where something of the disks is found now. */
  find(path: string): string;
  unmount(): void;
}

/** Makes disks that go when they are released, at the end of the test at the latest. */
export async function makeDisks(
  fileSystem: FileSystem,
  count: DiskCount,
  layout: Layout = LAYOUT_OF_RUN,
): Promise<Disks> {
  const base = await scratchDirectory();
  const release = unmountAtEnd(base);
  onTestFinished(release);
  // In memory: a disk below would take its time at each fsync.
  mount(['-t', 'tmpfs', '-o', 'size=3g', 'tmpfs', base]);
  const names = ['a', 'b', 'c'].slice(0, DISK_COUNTS.indexOf(count) + 1);
  for (const name of names) {
    const image = join(base, `${name}.img`);
    execFileSync('truncate', ['--size', IMAGE_BYTES, image]);
    const [program = '', ...words] = HOW[fileSystem].make;
    execFileSync(program, [...words, image], { stdio: 'pipe' });
    await mkdir(join(base, name));
    mount(['-o', HOW[fileSystem].mount, image, join(base, name)]);
  }
  let cuts = 0;
  const cut = async (): Promise<Cut> => {
    const at = join(base, `cut-${cuts++}`);
    for (const name of names) {
      await mkdir(join(at, name), { recursive: true });
      await output('cp', ['--sparse=always', join(base, `${name}.img`), join(at, `${name}.img`)]);
    }
    return { mount: () => mountCut(base, at, names, HOW[fileSystem].copy), remove: () => rm(at, { recursive: true }) };
  };
  const [first = '', second = first, third = first] = names.map((name) => join(base, name));
  const places = { state: join(first, 'state'), store: join(third, 'backups'), servers: join(second, 'servers') };
  // Of one kind in two, so that packs are merged on each file system.
  return { ...places, layout, givesHolesBack: count !== 'two', cut, release };
}

async function mountCut(base: string, at: string, names: readonly string[], options: string): Promise<MountedCut> {
  for (const name of names) mount(['-o', options, join(at, `${name}.img`), join(at, name)]);
  return {
    mounts: names.map((name) => ({ at: join(at, name), was: join(base, name) })),
    find: (path) => path.replace(base, at),
    unmount: () => {
      // Lazily: a process that was killed just now may still be on its way out of it.
      for (const name of names) execFileSync('umount', ['--lazy', join(at, name)], { stdio: 'pipe' });
    },
  };
}

/**
 * Unmounts all below a directory once the returned function is called, or this process is gone, however it went: loop
 * devices would outlive it.
 */
function unmountAtEnd(base: string): () => Promise<void> {
  const script = 'read -r _; umount --recursive --lazy "$1"';
  const waiting = spawn('sh', ['-c', script, 'unmount', base], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  const gone = once(waiting, 'close');
  return async () => {
    waiting.stdin.end();
    await gone;
  };
}

function mount(words: readonly string[]): void {
  execFileSync('mount', words, { stdio: 'pipe' });
}
