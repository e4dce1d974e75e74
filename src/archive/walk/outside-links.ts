/**
 * Says which symlinks lead to something outside the directory that is archived: a `world` on another disk is in the
 * archive as a link alone, and that must not be found out at the restore.
 *
 * Only looks, by the path of the link; what it leads to is neither opened nor archived. A link that leads nowhere, or to
 * something inside, is no loss.
 */
import fs from 'node:fs';
import { errnoOf } from '../../base/failure.ts';
import { childPath } from '../../base/files/handles.ts';
import { printable } from '../../base/files/paths.ts';
import type { Warn } from '../entry.ts';

/** Warnings for single links; the owner of a tree chooses how many there are. */
const MAX_NAMED = 100;
/** Links that are looked at. Each costs a few lookups outside the tree. */
const MAX_LOOKS = 100_000;

export class OutsideLinks {
  readonly #root: string;
  readonly #warn: Warn;
  #resolvedRoot: string | undefined;
  #looks = 0;
  #found = 0;

  /** @param root absolute path of the directory. */
  constructor(root: string, warn: Warn) {
    this.#root = root;
    this.#warn = warn;
  }

  /** @param target what the link says, a byte string. */
  look(parent: number, name: string, path: string, target: string): void {
    if (this.#looks++ >= MAX_LOOKS || !this.#leadsOutside(parent, name, path, target)) return;
    if (++this.#found > MAX_NAMED) return;
    const message = `It leads out of the directory, to "${printable(target.slice(0, 256))}"; the link is archived, what is there is not`;
    this.#warn(path, 'link_outside', message);
  }

  /** Says how many more there were. */
  finish(): void {
    const more = this.#found - MAX_NAMED;
    if (more > 0)
      this.#warn('', 'link_outside', `${more} more links lead out of the directory; what is there is not archived`);
  }

  #leadsOutside(parent: number, name: string, path: string, target: string): boolean {
    try {
      const end = fs.realpathSync.native(childPath(parent, name), { encoding: 'latin1' });
      this.#resolvedRoot ??= fs.realpathSync.native(this.#root, { encoding: 'latin1' });
      return end !== this.#resolvedRoot && !end.startsWith(this.#resolvedRoot === '/' ? '/' : `${this.#resolvedRoot}/`);
    } catch (error) {
      // What may not be looked at exists: then its text decides.
      return errnoOf(error) === 'EACCES' && namesOutside(path, target);
    }
  }
}

/** True when a link's text leads out of the directory, whatever other links do on the way. */
function namesOutside(path: string, target: string): boolean {
  if (target.startsWith('/')) return true;
  let depth = path.split('/').length - 1;
  for (const name of target.split('/')) {
    if (name === '..') depth--;
    else if (name !== '' && name !== '.') depth++;
    if (depth < 0) return true;
  }
  return false;
}
