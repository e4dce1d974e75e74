/** What passes between the caller's thread, the operation thread and its task threads. Plain data. */
import type { FailureRecord } from '../../base/failure.ts';
import type { SameBytes } from '../../base/source.ts';
import type { CompressionLevel, EngineName, HeldFiles, WriteBase, WriteResult } from '../contract.ts';
import type { ArchiveProgress, ArchiveWarning, Entry } from '../entry.ts';
import type { Extent } from '../../base/files/file-parts.ts';
import type { PackedEntries } from './packed-entries.ts';

export interface WriteThreadData {
  readonly root: string;
  readonly ignore: readonly string[];
  readonly exclude: readonly string[];
  readonly level: CompressionLevel;
  readonly filesOnly: boolean;
  readonly engine: EngineName;
  readonly workers: number;
  readonly held?: HeldFiles;
  readonly base?: WriteBase;
  /** Short runs of deflate, and a comparison with the base. */
  readonly shares: boolean;
  readonly maxSize: number;
  /** Walk once before, to know the totals. */
  readonly count: boolean;
  readonly control: SharedArrayBuffer;
  readonly slots: { readonly memory: SharedArrayBuffer; readonly count: number; readonly length: number };
}

/** From the operation thread. A slot's bytes do not change until the caller's thread replies that it is free. */
export type WriteEvent =
  | { readonly type: 'slot'; readonly slot: number; readonly length: number; readonly same: readonly SameBytes[] }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'index'; readonly bytes: Uint8Array }
  | { readonly type: 'progress'; readonly progress: ArchiveProgress }
  | { readonly type: 'readingEnded' }
  | { readonly type: 'done'; readonly result: WriteResult }
  | { readonly type: 'failed'; readonly failure: FailureRecord };

/** To the operation thread: a slot was written out; null makes it look at its stop flag. */
export type WriteReply = { readonly slot: number } | { readonly slot: null };

export interface PackTask {
  readonly kind: 'pack';
  readonly entries: PackedEntries;
  readonly near?: NearStretch;
}

export interface PieceTask {
  readonly kind: 'piece';
  readonly descriptor: number;
  readonly offset: number;
  readonly content: number;
  readonly length: number;
  readonly near?: NearStretch;
}

/** Stored bytes of a segment, as the older archive's index has them. */
export interface StoredCheck {
  readonly length: number;
  readonly crc: number;
}

/** Whole segments of an older archive, to be compared with. */
export interface NearStretch extends StoredStretch {
  readonly checks: readonly StoredCheck[];
}

/** Stored bytes of an older archive: where they begin in it, and the files that hold them. */
export interface StoredStretch {
  readonly offset: number;
  readonly length: number;
  readonly extents: readonly Extent[];
}

/** A stored segment of an older archive, to be copied. */
export interface CopyTask extends StoredStretch {
  readonly kind: 'copy';
  readonly crcStored: number;
}

/** Stored bytes that are in the slot, to be compared with those of an older archive. */
export interface CompareTask {
  readonly kind: 'compare';
  readonly length: number;
  readonly near: NearStretch;
}

export type SegmentTask = PackTask | PieceTask | CopyTask | CompareTask;

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
  /** A pack's first entry that no longer fitted, because files had grown; it and what follows must be cut again. */
  readonly rest?: number;
  /** A piece: bytes that the file really had, when it ended early or could not be read on. */
  readonly available?: number;
  readonly errno?: string;
  /** Stored bytes that the older archive has too. */
  readonly same?: readonly SameBytes[];
  /** A copy: the stored bytes were not what their checksum says, and must not be used. */
  readonly damaged?: true;
}
