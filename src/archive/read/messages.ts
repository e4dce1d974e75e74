/** What passes between the threads that read an archive. Plain data. */
import type { FailureRecord } from '../../base/failure.ts';
import type { ExtractLimits, ExtractResult, VerifyResult } from '../contract.ts';
import type { ArchiveProgress, ArchiveWarning, EntryKind } from '../entry.ts';
import type { IndexedEntry, Segment } from '../index/format.ts';
import type { ReadAnswer, ReadRequest, SourceHandle } from './source-port.ts';

interface ReadData {
  readonly archive: SourceHandle;
  readonly index?: SourceHandle;
  readonly workers: number;
  /** Steps by which the thread lowers its priority before anything else. */
  readonly nice: number;
  readonly control: SharedArrayBuffer;
}

export interface VerifyData extends ReadData {
  readonly verb: 'verify';
  readonly expected?: { readonly size: number; readonly sha256: string };
  readonly passing: boolean;
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
  /** Prove the whole archive on the way. */
  readonly expected?: { readonly size: number; readonly sha256: string };
  /** Ask the caller's thread which entries are wanted. */
  readonly selecting: boolean;
}

export type ReadThreadData = VerifyData | ExtractData;

/** Which of these are wanted? The choice is a function of the caller's, so it is asked by message, many at a time. */
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

/** From the read thread to its caller's. */
export type ReadEvent =
  | ReadRequest
  | SelectionRequest
  | { readonly type: 'progress'; readonly progress: ArchiveProgress }
  | { readonly type: 'done'; readonly result: VerifyResult | ExtractResult }
  | { readonly type: 'failed'; readonly failure: FailureRecord };

/** From the caller's thread to the read thread; `stop` when no answer will come any more. */
export type ReadReply = ReadAnswer | SelectionAnswer | { readonly type: 'stop' };

/** A file whose content a segment holds a part of. */
export interface FilePart {
  readonly entry: IndexedEntry;
  /** Where in the segment's raw bytes the part begins, and how long it is. */
  readonly at: number;
  readonly length: number;
  /** Where in the file it belongs. */
  readonly offset: number;
  /** The open file, when its content spans several segments; else this part is the whole file. */
  readonly descriptor?: number;
}

/** One segment to be inflated and checked. */
export interface InflateTask {
  readonly segment: Segment;
  /** Entries whose headers are compared with the tar stream's; none when the archive is not to be proven. */
  readonly entries: readonly IndexedEntry[];
  /** Parts of files to be written. */
  readonly parts: readonly FilePart[];
}

export interface InflateResult {
  readonly warnings: readonly ArchiveWarning[];
}

export interface InflateThreadData {
  readonly control: SharedArrayBuffer;
  readonly slots: { readonly memory: SharedArrayBuffer; readonly count: number; readonly length: number };
  readonly unpack?: UnpackPolicy;
}
