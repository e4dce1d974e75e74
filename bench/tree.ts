/** Writes the tree that is backed up, and changes a hundredth of it between a first and a repeated backup. */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { type Kind, KINDS, SMALL_FILE } from './content.ts';
import { Random } from './random.ts';

export interface Tree {
  readonly directory: string;
  /** Paths below the directory, in the order of their making. */
  readonly files: readonly string[];
  readonly bytes: number;
}

/** A server of about `size` bytes. */
export function makeServer(directory: string, size: number): Tree {
  const files: string[] = [];
  let bytes = 0;
  for (const [which, kind] of KINDS.entries()) {
    const random = new Random(1000 + which);
    for (let total = 0, at = 0; total < size * kind.share; at++) {
      const length = write(directory, kind, at, random, files);
      total += length;
      bytes += length;
    }
  }
  return { directory, files, bytes };
}

/** `count` files of 1 KiB, a thousand to a directory. */
export function makeSmallFiles(directory: string, count: number): Tree {
  const files: string[] = [];
  const random = new Random(2000);
  let bytes = 0;
  for (let at = 0; at < count; at++) bytes += write(directory, SMALL_FILE, at, random, files);
  return { directory, files, bytes };
}

function write(directory: string, kind: Omit<Kind, 'share'>, at: number, random: Random, files: string[]): number {
  const name = kind.name(at);
  const path = join(directory, name);
  fs.mkdirSync(dirname(path), { recursive: true });
  const content = kind.make(random, random.between(...kind.size));
  fs.writeFileSync(path, content);
  files.push(name);
  return content.length;
}

/** Changes every hundredth file in place, as a game does: a few KiB of large files, all of small ones. */
export function changeHundredth(tree: Tree, round: number): void {
  const random = new Random(3000 + round);
  for (let at = round % 100; at < tree.files.length; at += 100) {
    const path = join(tree.directory, tree.files[at] ?? '');
    const handle = fs.openSync(path, 'r+');
    const { size } = fs.fstatSync(handle);
    const piece = random.bytes(Math.min(size, 8192));
    fs.writeSync(handle, piece, 0, piece.length, random.between(0, size - piece.length));
    fs.closeSync(handle);
  }
}

/** Jars alone: a tree on which a compressor gains nothing. */
export function makeZips(directory: string, size: number): Tree {
  const jars = KINDS.filter((kind) => kind.name(0).endsWith('.jar'));
  const files: string[] = [];
  let bytes = 0;
  for (const kind of jars) {
    const random = new Random(5000);
    for (let at = 0; bytes < size; at++) bytes += write(directory, kind, at, random, files);
  }
  return { directory, files, bytes };
}

/** A tree that is there already. */
export function measureTree(directory: string): Tree {
  const files: string[] = [];
  const directories = [directory];
  let bytes = 0;
  // Not readdir's own `recursive`, which goes through links and has no end below /usr.
  for (let parent = directories.pop(); parent !== undefined; parent = directories.pop()) {
    for (const entry of fs.readdirSync(parent, { withFileTypes: true })) {
      const path = join(parent, entry.name);
      if (entry.isDirectory()) directories.push(path);
      if (!entry.isFile()) continue;
      files.push(path);
      bytes += fs.lstatSync(path).size;
    }
  }
  return { directory, files, bytes };
}
