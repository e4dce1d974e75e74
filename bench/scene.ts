/** What contests work on: a generated (or a real) tree, a daemon over it, and an archive of it in the daemon's store. */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MEBIBYTE } from '../src/base/sizes.ts';
import { BenchDaemon, EMPTY, FULL } from './daemon.ts';
import { quoted, run, settle } from './measure.ts';
import type { Peers } from './peers.ts';
import { Random } from './random.ts';
import { Trash } from './trash.ts';
import type { Tree } from './tree.ts';

/** Files of which one at a time is taken from the archive. */
const SINGLE_FILES = 10;
/** Roost copies only what came to rest a minute before the older backup read it. */
export const REST_MS = 61_000;

export interface Scene {
  readonly scratch: string;
  readonly peers: Peers;
  readonly tree: Tree;
  /** Undefined for a real tree, which is not the bench's to change or to restore over. */
  readonly daemon: BenchDaemon | undefined;
  /** The archive that is verified, restored and downloaded; made with the preferred engine. */
  readonly archive: string;
  /** The id of that archive's backup of the server `EMPTY`. */
  readonly backup: string;
  /** Files of 1 MiB in it. */
  readonly singleFiles: readonly string[];
  readonly trash: Trash;
}

/** Puts a generated tree under a daemon, and a copy of it (hard links) through one backup. */
export async function openScene(scratch: string, peers: Peers, make: (at: string) => Tree): Promise<Scene> {
  const home = join(scratch, 'host');
  const full = join(home, 'servers', FULL);
  const empty = join(home, 'servers', EMPTY);
  const made = make(full);
  const singleFiles = addSingleFiles(full);
  const tree = { ...made, bytes: made.bytes + SINGLE_FILES * MEBIBYTE, files: [...made.files, ...singleFiles] };
  run(`cp -al ${quoted(full)} ${quoted(empty)}`, scratch);
  const daemon = await BenchDaemon.start(home);
  settle(scratch, made.bytes);
  const backup = await daemon.backup(EMPTY);
  // Now, as that changes the times of the files that the copy shares with the tree.
  for (const name of fs.readdirSync(empty)) fs.rmSync(join(empty, name), { recursive: true });
  await delay(REST_MS);
  const trash = new Trash(join(scratch, 'trash'));
  return { scratch, peers, tree, daemon, archive: daemon.archiveOf(EMPTY, backup), backup, singleFiles, trash };
}

function addSingleFiles(directory: string): string[] {
  const random = new Random(4000);
  fs.mkdirSync(join(directory, 'single'), { recursive: true });
  return Array.from({ length: SINGLE_FILES }, (_, at) => {
    const name = `single/${at}.dat`;
    fs.writeFileSync(join(directory, name), random.bytes(MEBIBYTE));
    return name;
  });
}

/** A directory of this name below the scratch directory, with nothing in it. */
export function freshDirectory(scratch: string, name: string): string {
  const directory = join(scratch, name);
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  return directory;
}
