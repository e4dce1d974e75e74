/** Random trees on disk, of few names, so that two of them meet in every way: kinds, links, contents, times. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';

export type Dice = (below: number) => number;

/** A linear congruential generator: the same numbers for the same seed. */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const NAMES = ['a', 'b', 'world', '[x]', 'log.txt', '\u00fcber', 'a b'];

/**
 * Fills an empty directory.
 *
 * @param disguised whether contents may differ where size, time and mode are equal, as no game leaves them.
 */
export function randomTree(directory: string, roll: Dice, depth = 0, disguised = false): void {
  for (const name of NAMES) {
    const path = join(directory, name);
    const kind = roll(10);
    if (kind < 4) continue;
    if (kind < 6 && depth < 3) {
      fs.mkdirSync(path);
      randomTree(path, roll, depth + 1, disguised);
    } else if (kind === 9) fs.symlinkSync(['a', 'b'][roll(2)] ?? 'a', path);
    else {
      // Another content has another size or time, as a game's has: previews and comparisons read no contents.
      const round = roll(3);
      const seconds = 1_700_000_000 + round;
      const letter = disguised ? (['x', 'y'][roll(2)] ?? 'x') : 'x';
      fs.writeFileSync(path, letter.repeat(roll(3)) + String(round), { mode: [0o644, 0o600][roll(2)] });
      fs.utimesSync(path, seconds, seconds);
    }
  }
}

export function emptyDirectory(directory: string): void {
  for (const name of fs.readdirSync(directory)) fs.rmSync(join(directory, name), { recursive: true });
}

/**
 * Each path with what there is, directories as such.
 *
 * @param of files: their contents, or their sizes.
 */
export function shapeOf(directory: string, of: 'contents' | 'sizes' = 'contents'): Map<string, string> {
  const shape = new Map<string, string>();
  const visit = (at: string): void => {
    for (const name of fs.readdirSync(join(directory, at))) {
      const path = at === '' ? name : `${at}/${name}`;
      const stat = fs.lstatSync(join(directory, path));
      if (stat.isDirectory()) {
        shape.set(path, 'directory');
        visit(path);
      } else if (stat.isSymbolicLink()) shape.set(path, `link ${fs.readlinkSync(join(directory, path))}`);
      else {
        const bytes = of === 'contents' ? fs.readFileSync(join(directory, path)) : String(stat.size);
        const content = createHash('sha256').update(bytes).digest('hex');
        shape.set(path, `file ${stat.mode & 0o777} ${Math.floor(stat.mtimeMs / 1000)} ${content}`);
      }
    }
  };
  visit('');
  return shape;
}
