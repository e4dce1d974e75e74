/**
 * Trees that are done with. ext4 steps over each inode that was deleted in the last 35 seconds when it looks for a free
 * one, so unpacking right after a large tree was removed measures that instead (three times the wall time, of Roost and
 * of tar alike). Trees are therefore only put aside between runs, and removed at the end, or between rounds on a disk that
 * gets short of room.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const REST_MS = 40_000;
/** More than a round of a few gibibytes puts aside. */
const ROOM = 24 * 1024 ** 3;

export class Trash {
  readonly #directory: string;
  #count = 0;
  #emptied = -Infinity;

  /** @param directory of the file system that the trees lie on; made when it is first needed. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Puts a file or a directory aside, if it is there. */
  discard(path: string): void {
    if (!fs.existsSync(path)) return;
    fs.mkdirSync(this.#directory, { recursive: true });
    fs.renameSync(path, join(this.#directory, String(this.#count++)));
  }

  /** Puts aside what lies in a directory. */
  discardContent(directory: string): void {
    for (const name of fs.readdirSync(directory)) this.discard(join(directory, name));
  }

  /** Removes what was put aside where its room is needed. */
  makeRoom(): void {
    if (!fs.existsSync(this.#directory)) return;
    const { bavail, bsize } = fs.statfsSync(this.#directory);
    if (bavail * bsize > ROOM) return;
    fs.rmSync(this.#directory, { recursive: true });
    this.#emptied = performance.now();
  }

  /** Resolves when what was removed last does not matter any more. */
  async settled(): Promise<void> {
    await delay(Math.max(0, this.#emptied + REST_MS - performance.now()));
  }
}
