import fs from 'node:fs';
import { SliceTimer, unlessChanged } from '../../base/files/handle-writes.ts';
import { MAX_DEPTH, openDirectory, readDirectory } from '../../base/files/handles.ts';
import type { KeepRules } from './rules.ts';

/** A directory and the rules inside it. */
interface Place {
  readonly path: string;
  readonly rules: KeepRules;
  readonly depth: number;
}

/**
 * Finds out whether something in a live directory is kept, so that the directory cannot move as a whole. Remembers
 * answers, so asking again at each level of a deep tree causes no second walk.
 */
export class KeepScan {
  readonly #known = new Map<string, boolean>();
  readonly #timer = new SliceTimer();

  /**
   * @param rules those of the parent directory.
   * @returns true also below the deepest level that Roost reads: then it is left alone.
   */
  async holds(parent: number, name: string, path: string, rules: KeepRules): Promise<boolean> {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const found = await this.#look(parent, name, { path, rules: rules.enter(name), depth: 0 });
    this.#known.set(path, found);
    return found;
  }

  async #look(parent: number, name: string, at: Place): Promise<boolean> {
    if (at.depth >= MAX_DEPTH) return true;
    const handle = unlessChanged(() => openDirectory(parent, name));
    if (handle === undefined) return false;
    try {
      return await this.#lookInside(handle, at);
    } finally {
      fs.closeSync(handle);
    }
  }

  async #lookInside(handle: number, { path, rules, depth }: Place): Promise<boolean> {
    const directories: string[] = [];
    for (const { name, directory } of readDirectory(handle)) {
      await this.#timer.giveWay();
      const verdict = rules.child(name, directory);
      if (verdict.keep) return true;
      if (directory && verdict.mixed) directories.push(name);
    }
    for (const name of directories) {
      const child = { path: `${path}/${name}`, rules: rules.enter(name), depth: depth + 1 };
      const known = this.#known.get(child.path) ?? (await this.#look(handle, name, child));
      this.#known.set(child.path, known);
      if (known) return true;
    }
    return false;
  }
}
