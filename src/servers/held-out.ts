/**
 * The directories that backups leave out and restores never touch, although they may lie in a server: stores, state,
 * previous trees, archives of a former daemon, and the directories of other servers.
 *
 * One object answers for backups, estimates, swaps, previews and undos, so that all leave out the same. Directories are
 * recognized by device and inode, looked up at each call: a symlink or another spelling in the config, or a directory
 * that was renamed above one of them, changes nothing.
 */
import fs from 'node:fs';
import { basename, dirname, isAbsolute, relative } from 'node:path';
import { errnoOf } from '../base/failure.ts';
import { hasChangedMeanwhile, SliceTimer, unlessChanged } from '../base/files/handle-writes.ts';
import { handlePath, openRoot } from '../base/files/handles.ts';
import type { GameServer, Registry } from './registry.ts';
import { findStages, stagePathsIn } from './stage/stage.ts';

export interface HeldOut {
  /** Absolute paths that a backup of this server leaves out; the stages of restores are among them. */
  pathsFor(server: GameServer): Promise<readonly string[]>;
  /**
   * What a restore of this server leaves alone, below its open directory: relative paths as byte strings. Names stages of
   * other servers too, which lie beside those.
   */
  below(server: GameServer, live: number): Promise<readonly string[]>;
}

/** @param directories absolute paths of Roost's own; they need not exist. */
export function holdOut(directories: readonly string[], registry: Pick<Registry, 'list'>): HeldOut {
  /** Absolute paths of other servers in this one, and of stages that lie beside those. */
  const nested = async (server: GameServer, ancestry: Ancestry): Promise<string[]> => {
    const paths: string[] = [];
    for (const other of await registry.list()) {
      if (other.id === server.id || !(await ancestry.holds(other.path))) continue;
      // A restore of the inner server may be running: its stage lies beside that server, so in the outer one.
      const beside = findStages(other.path).filter(({ location }) => location.place === 'beside');
      paths.push(other.path, ...beside.map(({ location }) => `${location.directory}/${location.name}`));
    }
    return paths;
  };
  return {
    async pathsFor(server) {
      const live = unlessChanged(() => openRoot(server.path));
      if (live === undefined) return directories;
      try {
        return [...directories, ...(await nested(server, new Ancestry(live))), ...stagePathsIn(server.path)];
      } finally {
        fs.closeSync(live);
      }
    },
    async below(server, live) {
      const ancestry = new Ancestry(live);
      return ancestry.locate([...directories, ...(await nested(server, ancestry))]);
    },
  };
}

/** Finds out which paths lie below an open directory, by walking up from them until it is met. */
class Ancestry {
  readonly #root: string;
  readonly #rootPath: string;
  /** Paths of directories above the ones looked up, each with its path below the root. */
  readonly #known = new Map<string, string | undefined>();
  readonly #timer = new SliceTimer();

  constructor(root: number) {
    this.#root = identityOf(fs.fstatSync(root, { bigint: true }));
    this.#rootPath = fs.readlinkSync(handlePath(root), { encoding: 'latin1' });
  }

  /** True when the path lies below the directory. */
  async holds(path: string): Promise<boolean> {
    return (await this.locate([path])).length > 0;
  }

  /** The paths below the directory, relative to it, as byte strings. */
  async locate(paths: readonly string[]): Promise<string[]> {
    const found = new Set<string>();
    for (const path of paths) {
      await this.#timer.giveWay();
      const below = this.#locate(Buffer.from(path).toString('latin1'));
      if (below !== undefined && below !== '') found.add(below);
    }
    return Array.from(found);
  }

  #locate(path: string): string | undefined {
    try {
      return this.#climb(fs.realpathSync.native(bytes(path), { encoding: 'buffer' }).toString('latin1'));
    } catch (error) {
      if (hasChangedMeanwhile(error)) return undefined;
      if (errnoOf(error) === undefined) throw error;
      // It is there and cannot be looked at, such as a share that does not answer: its name has to do.
      const below = relative(this.#rootPath, path);
      return below.startsWith('..') || isAbsolute(below) ? undefined : below;
    }
  }

  /** '' for the root itself, undefined for what lies elsewhere. */
  #climb(path: string): string | undefined {
    if (this.#known.has(path)) return this.#known.get(path);
    const above = this.#isRoot(path) ? '' : path === '/' ? undefined : this.#below(path);
    this.#known.set(path, above);
    return above;
  }

  #below(path: string): string | undefined {
    const parent = this.#climb(dirname(path));
    if (parent === undefined) return undefined;
    return parent === '' ? basename(path) : `${parent}/${basename(path)}`;
  }

  #isRoot(path: string): boolean {
    return identityOf(fs.statSync(bytes(path), { bigint: true })) === this.#root;
  }
}

function identityOf({ dev, ino }: fs.BigIntStats): string {
  return `${dev}:${ino}`;
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}
