/** What the write thread asks of its segment threads, and what comes back. Plain data: it crosses threads. */
import type { ArchiveWarning, Entry } from '../entry.ts';
import type { PackedEntries } from './packed-entries.ts';

export interface PackTask {
  readonly kind: 'pack';
  readonly entries: PackedEntries;
}

export interface PieceTask {
  readonly kind: 'piece';
  readonly descriptor: number;
  readonly offset: number;
  readonly content: number;
  readonly length: number;
}

/** A stored segment of an older archive, to be taken over as it is. */
export interface CopyTask {
  readonly kind: 'copy';
  readonly descriptor: number;
  readonly offset: number;
  readonly length: number;
  readonly crcStored: number;
}

export type SegmentTask = PackTask | PieceTask | CopyTask;

/** An entry that became another than the walk saw, or none at all. */
export interface EntryChange {
  readonly index: number;
  /** Absent when the entry is not in the archive. */
  readonly entry?: Entry;
  /** Another file took its place: names that were linked to it hold something else. */
  readonly replaced?: true;
}

export interface SegmentResult {
  readonly rawLength: number;
  readonly storedLength: number;
  readonly crcRaw: number;
  readonly crcStored: number;
  readonly changes: readonly EntryChange[];
  readonly warnings: readonly ArchiveWarning[];
  /** False when a file was not as the walk saw it: the segment's key would promise other bytes. */
  readonly asPlanned: boolean;
  /** A pack's first entry that no longer fitted, because files had grown; it and what follows must be cut anew. */
  readonly rest?: number;
  /** A piece: bytes that the file really had, when it ended early or could not be read on. */
  readonly available?: number;
  readonly errno?: string;
  /** A copy: the stored bytes were not what their checksum says, and must not be used. */
  readonly damaged?: true;
}
