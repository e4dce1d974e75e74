/** Messages between the threads that read an archive. Plain data. */
import type { FailureRecord } from '../../base/failure.ts';
import type { ExtractLimits, ExtractResult, VerifyResult } from '../contract.ts';
import type { ArchiveProgress, ArchiveWarning, EntryKind } from '../entry.ts';
import type { LostKind } from '../tar/read-attributes.ts';
import type { IndexedEntry, Segment } from '../index/format.ts';
import type { ReadAnswer, ReadRequest, SourceHandle } from './source-port.ts';

interface ReadData {
  readonly archive: SourceHandle;
  readonly index?: SourceHandle;
  /** As in `OpenRequest`. */
  readonly encoding?: string;
  readonly workers: number;
  readonly control: SharedArrayBuffer;
}

export interface VerifyData extends ReadData {
  readonly verb: 'verify';
  readonly expected?: { readonly size: number; readonly sha256: string };
  readonly passing: boolean;
}

export interface ListData extends ReadData {
  readonly verb: 'list';
  readonly aside?: Uint8Array;
  readonly expected: { readonly size: number; readonly sha256: string };
}

export interface UnpackPolicy {
  readonly into: string;
  readonly owner: 'archive' | { readonly uid: number; readonly gid: number };
  readonly setuid: 'strip' | 'keep';
  readonly overwrite: boolean;
  readonly durable: boolean;
}

export interface ExtractData extends ReadData, UnpackPolicy {
  readonly verb: 'extract';
  readonly limits: ExtractLimits;
  readonly aside?: Uint8Array;
  /** When given, the whole archive is proven while it is read. */
  readonly expected?: { readonly size: number; readonly sha256: string };
  /** Whether to ask the caller's thread which entries are wanted. */
  readonly selecting: boolean;
}

export type ReadThreadData = VerifyData | ListData | ExtractData;

/** Asks which entries are wanted: the selection is a function in the caller's thread. Batched. */
export interface SelectionRequest {
  readonly type: 'select';
  readonly id: number;
  readonly entries: readonly (readonly [path: string, kind: EntryKind])[];
}

export interface SelectionAnswer {
  readonly type: 'selected';
  readonly id: number;
  readonly wanted: readonly boolean[];
}

/** From the operation thread to the caller's. */
export type ReadEvent =
  | ReadRequest
  | SelectionRequest
  | { readonly type: 'progress'; readonly progress: ArchiveProgress }
  | { readonly type: 'done'; readonly result: VerifyResult | ExtractResult | Uint8Array | undefined }
  | { readonly type: 'failed'; readonly failure: FailureRecord };

/** From the caller's thread to the operation thread; `stop` when no more replies will come. */
export type ReadReply = ReadAnswer | SelectionAnswer | { readonly type: 'stop' };

/** The part of a file's content that one segment holds. */
export interface FilePart {
  readonly entry: IndexedEntry;
  /** Where in the segment's raw bytes the part begins, and its length. */
  readonly at: number;
  readonly length: number;
  /** Where in the file the part belongs. */
  readonly offset: number;
  /** True when its directory was reached by two paths, so that a file of the same name may already be there. */
  readonly merged: boolean;
  /** The open file when its content spans segments; otherwise this part is the whole file. */
  readonly descriptor?: number;
}

/** One segment to inflate and check. */
export interface InflateTask {
  readonly segment: Segment;
  /** Entries whose headers to compare with the tar's; empty when the archive is not being proven. */
  readonly entries: readonly IndexedEntry[];
  readonly parts: readonly FilePart[];
}

export interface InflateResult {
  readonly warnings: readonly ArchiveWarning[];
  /** Attributes that could not be set; absent when there were none. */
  readonly lost?: readonly LostKind[];
  /** Bytes written into files with holes, whose size says nothing of the space they take. */
  readonly written?: number;
}

export interface InflateWorkData {
  readonly control: SharedArrayBuffer;
  readonly slots: { readonly memory: SharedArrayBuffer; readonly count: number; readonly length: number };
  readonly unpack?: UnpackPolicy;
}
