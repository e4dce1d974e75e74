/**
 * Room that is held on the disk of the state directory for the time when it is full: without any, not even the start of
 * the daemon or the deletion of a backup could be noted, and nothing could make room any more.
 *
 * It is a file, given up when SQLite finds no space, and taken again once there is enough of it. While it is given up the
 * catalogue has those bytes for itself as long as the daemon begins nothing but deletions (`requireRoom`).
 */
import { randomFillSync } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { attempt, Failure } from '../base/failure.ts';
import { MEBIBYTE } from '../base/sizes.ts';
import { prepareFile } from './sqlite/database.ts';

const NAME = 'reserve';
/** SQLite's log grows to that before it is used again from its start. */
const SIZE = 4 * MEBIBYTE;

export class StateReserve {
  readonly #path: string;
  readonly #directory: string;
  #given = false;

  /** @param directory the state directory. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, NAME);
  }

  /** True while the room was given up and could not be taken again: the disk is full. */
  get isGiven(): boolean {
    return this.#given;
  }

  /** Free bytes of the disk; null where it cannot be asked. */
  freeBytes(): number | null {
    const found = attempt(() => fs.statfsSync(this.#directory));
    return found === undefined ? null : found.bavail * found.bsize;
  }

  /**
   * Takes the room unless it is held, when as much again stays free. Never throws.
   *
   * @returns true when it was given up before and is held now.
   */
  take(): boolean {
    if (this.#isHeld()) return this.#noteHeld();
    if ((this.freeBytes() ?? 0) < 2 * SIZE || attempt(() => this.#write()) !== true) return false;
    return this.#noteHeld();
  }

  /** Frees the room. @returns true when there was some to free. */
  give(): boolean {
    this.#given = true;
    return attempt(() => (fs.unlinkSync(this.#path), true)) === true;
  }

  /**
   * Does what needs room on the disk, and once more with the reserve given up when there was none.
   *
   * @param work leaves nothing done when it throws. @throws what it throws.
   */
  retryWithRoom<Result>(work: () => Result): Result {
    const before = this.#given;
    try {
      return work();
    } catch (error) {
      const isFull = error instanceof Failure && error.code === 'insufficient_storage';
      if (!isFull || before) throw error;
      this.give();
      return work();
    }
  }

  /** @throws Failure `insufficient_storage` while the disk is full. */
  requireRoom(doing: string): void {
    if (!this.#given || this.take()) return;
    throw new Failure('insufficient_storage', `${doing}: the disk of the state directory is full`, {
      facts: { freeBytes: this.freeBytes() },
      hint: `Delete backups, or free space on that disk: ${this.#directory}.`,
      retry: true,
    });
  }

  #isHeld(): boolean {
    return attempt(() => fs.statSync(this.#path).size) === SIZE;
  }

  #noteHeld(): boolean {
    const wasGiven = this.#given;
    this.#given = false;
    return wasGiven;
  }

  /** Random bytes: those that can be compressed take no room on every file system. What is half written goes again. */
  #write(): true {
    prepareFile(this.#path);
    try {
      fs.writeFileSync(this.#path, randomFillSync(Buffer.alloc(SIZE)));
      return true;
    } catch (error) {
      attempt(() => fs.unlinkSync(this.#path));
      throw error;
    }
  }
}
