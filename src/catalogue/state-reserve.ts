/**
 * Space reserved on the disk of the state directory, for the time when the disk is full. Without it, neither a start of the
 * daemon nor a deletion could be stored, so nothing could free space any more.
 *
 * The reserve is a file. It is removed when SQLite finds no space, and written again once enough is free. Meanwhile the
 * daemon begins only deletions (`requireRoom`), so that the catalogue alone uses those bytes.
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

  /** True while the reserve is used up and cannot be written again: the disk is full. */
  get isGiven(): boolean {
    return this.#given;
  }

  /** Free bytes of the disk; null where it cannot be asked. */
  freeBytes(): number | null {
    const found = attempt(() => fs.statfsSync(this.#directory));
    return found === undefined ? null : found.bavail * found.bsize;
  }

  /**
   * Writes the reserve unless it is there, provided that as much again stays free. Never throws.
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
