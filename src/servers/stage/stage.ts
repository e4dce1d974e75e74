/**
 * The stage of a restore: a private directory (0700) on the server's file system.
 *
 * For: completing the new tree before anything of the server moves, and keeping the old one. Promises: found again
 * after a crash by the job's id in its name; all work uses open handles, which still lead to the stage if the server's
 * owner renames or replaces it. Never: removed by anything but its own restore or recovery.
 *
 * It lies beside the server's directory if renames between the two work. Otherwise (another file system, subvolume,
 * quota project or mount) it lies inside, under a name that backups skip.
 *
 *   .roost-stage-<job>/new       the new tree
 *                      old       what was set aside, at the same paths
 *                      extra     what was in the way during the swap
 *                      plan      the steps of the swap
 *                      probe     the target of renames that only test whether something can move
 *                      restart   exists when the server ran before this restore stopped it
 */
import fs from 'node:fs';
import { Failure } from '../../base/failure.ts';
import {
  createFile,
  hasChangedMeanwhile,
  makeDirectory,
  removeEmptyDirectory,
  renameChild,
  syncHandle,
} from '../../base/files/handle-writes.ts';
import { handlePath, openDirectory, openRoot, readDirectory, statChild } from '../../base/files/handles.ts';
import type { JobId } from '../../base/ids.ts';
import { removeTree } from '../../base/files/remove-tree.ts';
import {
  closingOnError,
  findStage,
  isSame,
  openStageAt,
  type PlacedStage,
  placeStage,
  STAGE_PREFIX,
  type StageLocation,
} from './place.ts';
import type { SwapTrees } from '../swap/swap.ts';

export { isStageAt, type StageLocation } from './place.ts';
export { findStages, stagePathsIn, stagesApart, type StrayStage } from './strays.ts';
export { STAGE_PREFIX };

const EXTRA = 'extra';
const RESTART_NOTE = 'restart';

/** Names of the tree in the stage that is moved into the server, and of the one that receives the old entries. */
export interface TreeNames {
  readonly incoming: string;
  readonly outgoing: string;
}

export const RESTORE_TREES: TreeNames = { incoming: 'new', outgoing: 'old' };
/** An undo brings back what the restore set aside. */
export const UNDO_TREES: TreeNames = { incoming: 'old', outgoing: 'undone' };

export class Stage {
  readonly location: StageLocation;
  /** The server's open directory. */
  readonly live: number;
  readonly handle: number;
  readonly #parent: number;
  readonly #opened: number[];

  private constructor(live: number, placed: PlacedStage) {
    this.location = placed.location;
    this.live = live;
    this.handle = placed.handle;
    this.#parent = placed.parent;
    this.#opened = [live, placed.parent, placed.handle];
  }

  /**
   * Makes the stage of a job.
   *
   * @param server the server's directory; links in the path are the operator's and are followed.
   * @throws Failure `server_not_found` when it is missing; otherwise the system error. Nothing is left then.
   */
  static async create(server: string, job: JobId): Promise<Stage> {
    const live = openLive(server);
    const stage = new Stage(
      live,
      closingOnError(live, () => placeStage(live, STAGE_PREFIX + job)),
    );
    try {
      for (const tree of [RESTORE_TREES.incoming, RESTORE_TREES.outgoing, EXTRA]) stage.makeTree(tree);
      return stage;
    } catch (error) {
      await stage.remove();
      throw error;
    }
  }

  /**
   * Opens a stage again; undefined when it is missing.
   *
   * @param isRight proves that an open directory is the stage, wherever it is now; without it only the recorded place
   *   is tried.
   * @throws Failure `server_not_found` when the server's directory is missing.
   */
  static reopen(server: string, location: StageLocation, isRight?: (stage: number) => boolean): Stage | undefined {
    const live = openLive(server);
    const find = (): PlacedStage | undefined =>
      isRight === undefined ? openStageAt(location) : findStage(live, location, isRight);
    const placed = closingOnError(live, find);
    if (placed !== undefined) return new Stage(live, placed);
    fs.closeSync(live);
    return undefined;
  }

  /** Makes another tree, if it is missing. */
  makeTree(name: string): void {
    if (statChild(this.handle, name) === undefined) makeDirectory(this.handle, name, 0o700);
  }

  /** Opens one of its trees; the stage closes it. */
  openTree(name: string): number {
    const handle = openDirectory(this.handle, name);
    this.#opened.push(handle);
    return handle;
  }

  openTrees(names: TreeNames): SwapTrees {
    return {
      live: this.live,
      incoming: this.openTree(names.incoming),
      outgoing: this.openTree(names.outgoing),
      extra: this.openTree(EXTRA),
    };
  }

  /** Notes durably that the server must be started again, however the restore ends. A second note changes nothing. */
  async noteRestart(): Promise<void> {
    if (!this.restartNoted) fs.closeSync(createFile(this.handle, RESTART_NOTE, 0o600));
    await this.sync();
  }

  get restartNoted(): boolean {
    return statChild(this.handle, RESTART_NOTE) !== undefined;
  }

  /** Makes the names in the stage, and its own, durable. */
  async sync(): Promise<void> {
    await syncHandle(this.handle);
    await syncHandle(this.#parent);
  }

  /** Free bytes and inodes for this user; `inodes` is null where they are not counted. */
  freeSpace(): { readonly bytes: number; readonly inodes: number | null } {
    const stat = fs.statfsSync(handlePath(this.handle));
    return { bytes: stat.bavail * stat.bsize, inodes: stat.files === 0 ? null : stat.ffree };
  }

  /** Removes one of its trees or files, if it exists. */
  async removePart(name: string): Promise<void> {
    await removeTree(this.handle, name);
  }

  /**
   * Removes the whole stage, its restart note last, and closes it. It is gone from the disk then: a caller may delete the
   * row that names it.
   *
   * @throws the first system error, after everything was tried; what was refused stays, and the stage is closed.
   */
  async remove(): Promise<void> {
    const refused: unknown[] = [];
    try {
      const parts = readDirectory(this.handle).map(({ name }) => name);
      // The note goes even if something else cannot: the server was started already.
      for (const part of [...parts.filter((name) => name !== RESTART_NOTE), RESTART_NOTE]) {
        await this.removePart(part).catch((error: unknown) => refused.push(error));
      }
      if (refused.length > 0) throw refused[0];
      const name = this.#nameNow();
      if (name !== undefined) removeEmptyDirectory(this.#parent, name);
      await syncHandle(this.#parent);
    } finally {
      this.close();
    }
  }

  /** Moves the stage to another open directory. @throws EXDEV when that is another file system. */
  moveTo(directory: number, name: string): void {
    renameChild(this.#parent, this.#nameNow() ?? this.location.name, directory, name);
  }

  /** Undoes `moveTo`. */
  moveBack(directory: number, name: string): void {
    renameChild(directory, name, this.#parent, this.location.name);
  }

  close(): void {
    for (const handle of this.#opened.splice(0)) fs.closeSync(handle);
  }

  /** Inside a server, the server's owner may have renamed it. */
  #nameNow(): string | undefined {
    const { name } = this.location;
    if (isSame(this.handle, statChild(this.#parent, name))) return name;
    const others = readDirectory(this.#parent).map((item) => item.name);
    return others.find((other) => isSame(this.handle, statChild(this.#parent, other)));
  }
}

/**
 * Removes the stage at this place from the disk, if there is one.
 *
 * @param checkStop throws to stop half-way.
 */
export async function removeStageAt(location: StageLocation, checkStop?: () => void): Promise<void> {
  const placed = openStageAt(location);
  if (placed === undefined) return syncRemoval(location);
  fs.closeSync(placed.handle);
  try {
    await removeTree(placed.parent, location.name, checkStop);
    await syncHandle(placed.parent);
  } finally {
    fs.closeSync(placed.parent);
  }
}

/** Flushes the removal of a stage again: an earlier run may have been killed between removal and flush. */
async function syncRemoval({ directory }: StageLocation): Promise<void> {
  let parent: number;
  try {
    parent = openRoot(directory);
  } catch (error) {
    if (hasChangedMeanwhile(error)) return;
    throw error;
  }
  try {
    await syncHandle(parent);
  } finally {
    fs.closeSync(parent);
  }
}

function openLive(server: string): number {
  try {
    return openRoot(server);
  } catch (error) {
    if (!hasChangedMeanwhile(error)) throw error;
    throw new Failure('server_not_found', 'Cannot use the server: its directory is missing', {
      cause: error,
      hint: 'Mount or create the directory, then try again.',
    });
  }
}
