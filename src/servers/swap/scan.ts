import fs from 'node:fs';
import { hasChangedMeanwhile, SliceTimer } from '../../base/handle-writes.ts';
import { MAX_DEPTH, openDirectory, readDirectory } from '../../base/handles.ts';
import type { KeepRules } from './rules.ts';

/**
 * Finds out whether something in a live directory stays, which keeps the directory from moving as a whole. Answers are
 * remembered, so that asking on each level of a deep tree again costs no second walk.
 */
export class KeepScan {
  readonly #known = new Map<string, boolean>();
  readonly #timer = new SliceTimer();

  /**
   * @param rules those of the parent directory.
   * @returns true also for what lies deeper than Roost looks, or cannot be told: then it is left where it is.
   */
  async holds(parent: number, name: string, path: string, rules: KeepRules): Promise<boolean> {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const found = await this.#look(parent, name, path, rules.enter(name), 0);
    this.#known.set(path, found);
    return found;
  }

  async #look(parent: number, name: string, path: string, inside: KeepRules, depth: number): Promise<boolean> {
    if (depth >= MAX_DEPTH) return true;
    let handle: number;
    try {
      handle = openDirectory(parent, name);
    } catch (error) {
      if (hasChangedMeanwhile(error)) return false;
      throw error;
    }
    try {
      return await this.#lookInside(handle, path, inside, depth);
    } finally {
      fs.closeSync(handle);
    }
  }

  async #lookInside(handle: number, path: string, inside: KeepRules, depth: number): Promise<boolean> {
    const directories: string[] = [];
    for (const { name, directory } of readDirectory(handle)) {
      await this.#timer.giveWay();
      const verdict = inside.child(name, directory);
      if (verdict.keep) return true;
      if (directory && verdict.mixed) directories.push(name);
    }
    for (const name of directories) {
      const child = `${path}/${name}`;
      const known = this.#known.get(child) ?? (await this.#look(handle, name, child, inside.enter(name), depth + 1));
      this.#known.set(child, known);
      if (known) return true;
    }
    return false;
  }
}
