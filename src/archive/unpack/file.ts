/** A file being unpacked: content with holes where it is zero, then metadata, then a checked close. */
import fs from 'node:fs';
import { Failure } from '../../base/failure.ts';
import { writeAll } from '../../base/files/handle-writes.ts';
import { printable } from '../../base/files/paths.ts';
import type { Entry } from '../entry.ts';
import type { MetadataWriter } from './metadata.ts';
import { isZero } from '../tar/zeros.ts';

/**
 * Runs of zeros from this length on become holes; shorter holes save no block and lengthen the file system's extent
 * list.
 */
const HOLE = 64 * 1024;

/**
 * Writes bytes at a position of a file, skipping runs of zeros of 64 KiB and more. Threads may write different parts of
 * one file at once. The caller sets the file's length: a hole at its end is not there yet.
 *
 * @returns the bytes that were written.
 */
export function writeSparse(descriptor: number, bytes: Uint8Array, position: number): number {
  if (bytes.length >= HOLE && isZero(bytes)) return 0;
  let pending = 0;
  let skipped = 0;
  for (let at = 0; at < bytes.length; at += HOLE) {
    const end = at + HOLE;
    if (end > bytes.length || !isZero(bytes.subarray(at, end))) continue;
    writeAll(descriptor, bytes.subarray(pending, at), position + pending);
    pending = end;
    skipped += HOLE;
  }
  writeAll(descriptor, bytes.subarray(pending), position + pending);
  return bytes.length - skipped;
}

export class UnpackFile {
  readonly entry: Entry;
  readonly descriptor: number;
  readonly #metadata: MetadataWriter;
  readonly #flush: boolean;
  #written = 0;
  /** True when the file may end in a hole, which is not part of its length yet. */
  #mayEndInHole = false;
  #isOpen = true;

  /** @param flush whether to fsync the file before closing it. */
  constructor(entry: Entry, descriptor: number, metadata: MetadataWriter, flush: boolean) {
    this.entry = entry;
    this.descriptor = descriptor;
    this.#metadata = metadata;
    this.#flush = flush;
  }

  /** @returns the bytes that were written, without holes. @throws the system error, such as ENOSPC. */
  write(bytes: Uint8Array): number {
    this.#grow(bytes.length);
    if (bytes.length >= HOLE) this.#mayEndInHole = true;
    return writeSparse(this.descriptor, bytes, this.#written - bytes.length);
  }

  /** Leaves a hole for the next `length` bytes, which are zero. */
  skip(length: number): void {
    this.#mayEndInHole = true;
    this.#grow(length);
  }

  /** Counts bytes that another thread wrote through the descriptor. */
  account(length: number): void {
    this.#mayEndInHole = true;
    this.#grow(length);
  }

  /**
   * Sets length and metadata, flushes if asked to, and closes. The descriptor is closed in any case.
   *
   * @throws Failure `archive_damaged` when the content is shorter than its header says; the system error of any step.
   */
  close(): void {
    try {
      if (this.#written !== this.entry.size) throw this.#mismatch(this.#written);
      if (this.#mayEndInHole) fs.ftruncateSync(this.descriptor, this.entry.size);
      this.#metadata.setFile(this.descriptor, this.entry);
      if (this.#flush) fs.fsyncSync(this.descriptor);
    } catch (error) {
      this.abandon();
      throw error;
    }
    this.#isOpen = false;
    fs.closeSync(this.descriptor);
  }

  /** Closes an open file without checks. The caller removes the incomplete file. */
  abandon(): void {
    // A second close could hit a descriptor that another thread got in the meantime.
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      fs.closeSync(this.descriptor);
    } catch {
      // The caller reports why the file was abandoned; this error adds nothing.
    }
  }

  #grow(length: number): void {
    this.#written += length;
    if (this.#written > this.entry.size) throw this.#mismatch(this.#written);
  }

  #mismatch(got: number): Failure {
    const { path, size } = this.entry;
    const message = `Cannot unpack "${printable(path)}": its content has ${got} bytes, its header says ${size}`;
    return new Failure('archive_damaged', message, { facts: { path, size, got } });
  }
}
