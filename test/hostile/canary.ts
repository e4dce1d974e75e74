/**
 * A tree that no archive may touch, around the directory that is unpacked into. Its snapshot has everything that
 * making, changing, chmodding or reading anything there would move.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { scratchDirectory } from '../support/scratch.ts';

const UID = process.geteuid?.() ?? 0;

/** What an archive says of owners counts where the tests may set them; else everything belongs to who runs them. */
export const OWNER = UID === 0 ? 'archive' : { uid: UID, gid: process.getegid?.() ?? 0 };

export interface Arena {
  /** Everything lies in here. */
  readonly base: string;
  /** The directory to unpack into. */
  readonly target: string;
  /** A directory of things that must stay as they are. */
  readonly outside: string;
}

/** With access times before change times, so that the very first read moves them, also under `relatime`. */
const ATIME = 1_000_000_000;
const MTIME = 1_100_000_000;

export async function makeArena(): Promise<Arena> {
  const base = await scratchDirectory();
  const target = join(base, 'out');
  const outside = join(base, 'outside');
  fs.mkdirSync(target);
  // A check by prefix takes this for the target.
  fs.mkdirSync(join(base, 'out-evil'));
  fs.mkdirSync(join(outside, 'sub'), { recursive: true });
  fs.writeFileSync(join(outside, 'canary'), 'alive');
  fs.writeFileSync(join(outside, 'sub/secret'), 'secret');
  fs.writeFileSync(join(base, 'sibling'), 'sibling');
  fs.symlinkSync('canary', join(outside, 'link'));
  fs.chmodSync(join(outside, 'sub/secret'), 0o600);
  for (const name of ['outside/canary', 'outside/sub/secret', 'sibling', 'outside/sub', 'outside', 'out-evil']) {
    fs.utimesSync(join(base, name), ATIME, MTIME);
  }
  return { base, target, outside };
}

/** What lies outside of the target, by path. */
export function snapshot({ base, target }: Arena): Record<string, unknown> {
  const seen: Record<string, unknown> = {};
  const contents: string[] = [];
  const visit = (directory: string): void => {
    // Times first: looking at content moves them.
    const stats = describe(directory);
    if (directory !== base) seen[directory] = stats;
    for (const name of fs.readdirSync(directory).sort()) {
      const path = join(directory, name);
      if (path === target) continue;
      if (fs.lstatSync(path).isDirectory()) visit(path);
      else {
        seen[path] = describe(path);
        contents.push(path);
      }
    }
    if (directory !== base) fs.utimesSync(directory, ATIME, MTIME);
  };
  seen['names'] = fs.readdirSync(base).sort();
  visit(base);
  for (const path of contents) {
    if (fs.lstatSync(path).isFile()) seen[`${path} content`] = createHash('sha256').update(fs.readFileSync(path)).digest('hex'); // prettier-ignore
  }
  for (const path of contents) if (fs.lstatSync(path).isFile()) fs.utimesSync(path, ATIME, MTIME);
  return seen;
}

function describe(path: string): object {
  const { mode, uid, gid, size, nlink, ino, atimeMs, mtimeMs } = fs.lstatSync(path);
  return { mode, uid, gid, size, nlink, ino, atimeMs, mtimeMs };
}

/** What was unpacked: path to a line that says what it is. Names as latin1. */
export function treeOf(target: string): Record<string, string> {
  const tree: Record<string, string> = {};
  const visit = (directory: Buffer, prefix: string): void => {
    for (const name of fs.readdirSync(directory, { encoding: 'buffer' })) {
      const path = Buffer.concat([directory, Buffer.from('/'), name]);
      const shown = prefix + name.toString('latin1');
      const stat = fs.lstatSync(path);
      if (stat.isDirectory()) {
        tree[shown] = 'directory';
        visit(path, `${shown}/`);
      } else if (stat.isSymbolicLink()) tree[shown] = `-> ${fs.readlinkSync(path, 'latin1')}`;
      else tree[shown] = stat.isFile() ? fs.readFileSync(path, 'latin1') : 'special';
    }
  };
  visit(Buffer.from(target), '');
  return tree;
}
