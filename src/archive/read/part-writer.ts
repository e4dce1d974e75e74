/**
 * Writes one task thread's files: whole small ones, and parts of large ones that the operation thread holds open. The
 * operation thread makes directories before and links afterwards.
 */
import fs from 'node:fs';
import { openRoot } from '../../base/files/handles.ts';
import { splitPath } from '../../base/files/paths.ts';
import type { Control } from '../threads/control.ts';
import type { ArchiveWarning } from '../entry.ts';
import type { FilePart, UnpackPolicy } from './messages.ts';
import { writeSparse } from '../unpack/file.ts';
import { durabilityFor } from '../unpack/flush.ts';
import type { LostKind } from '../tar/read-attributes.ts';
import { UnpackTarget } from '../unpack/target.ts';

/** The operation thread counts entries before it hands them out. */
const NO_LIMITS = { maxBytes: 0, maxEntries: 0 };

export class PartWriter {
  readonly #root: number;
  readonly #target: UnpackTarget;
  readonly #control: Control;
  #warnings: ArchiveWarning[] = [];
  #writtenSparse = 0;

  static open(policy: UnpackPolicy, control: Control): PartWriter {
    return new PartWriter(openRoot(policy.into), policy, control);
  }

  private constructor(root: number, policy: UnpackPolicy, control: Control) {
    const { owner, setuid, overwrite } = policy;
    const durability = durabilityFor(root, policy.durable);
    this.#root = root;
    this.#control = control;
    const rules = { owner, setuid, overwrite, durability, limits: NO_LIMITS, sharesDirectories: true };
    this.#target = new UnpackTarget(root, rules, (warning) => {
      this.#warnings.push(warning);
    });
  }

  close(): void {
    this.#target.close();
    fs.closeSync(this.#root);
  }

  /**
   * Writes a segment's parts.
   *
   * @returns warnings about what could not be written unchanged.
   * @throws Failure `insufficient_storage`, `internal`; the unpacked tree is then incomplete.
   */
  write(raw: Uint8Array, parts: readonly FilePart[]): readonly ArchiveWarning[] {
    for (const part of parts) {
      this.#control.checkStop();
      const bytes = raw.subarray(part.at, part.at + part.length);
      if (part.descriptor === undefined) this.#writeWhole(part, bytes);
      else this.#count(part, writeSparse(part.descriptor, bytes, part.offset));
    }
    const warnings = this.#warnings;
    this.#warnings = [];
    return warnings;
  }

  #count({ entry }: FilePart, written: number): void {
    if (entry.allocated !== undefined) this.#writtenSparse += written;
  }

  /** Bytes written into files with holes since the last call. */
  takeWritten(): number {
    const written = this.#writtenSparse;
    this.#writtenSparse = 0;
    return written;
  }

  /** Attributes that could not be set since the last call. */
  takeLost(): readonly LostKind[] {
    return this.#target.lost.take();
  }

  #writeWhole(part: FilePart, bytes: Uint8Array): void {
    if (part.merged) this.#target.markMerged(splitPath(part.entry.path).parent);
    const file = this.#target.createFile(part.entry);
    if (file === undefined) return;
    try {
      this.#count(part, file.write(bytes));
      file.close();
    } catch (error) {
      this.#target.abandonFile(file);
      throw error;
    }
  }
}
