/** What passes between the caller's thread and the write thread. Plain data. */
import type { FailureRecord } from '../../base/failure.ts';
import type { CompressionLevel, EngineName, WriteResult } from '../contract.ts';
import type { ArchiveProgress } from '../entry.ts';

export interface WriteThreadData {
  readonly root: string;
  readonly ignore: readonly string[];
  readonly exclude: readonly string[];
  readonly level: CompressionLevel;
  readonly filesOnly: boolean;
  readonly engine: EngineName;
  readonly workers: number;
  /** Steps by which the thread lowers its priority before anything else. */
  readonly nice: number;
  readonly base?: { readonly archive: string; readonly index: string };
  readonly maxSize: number;
  /** Walk once before, to know the totals. */
  readonly count: boolean;
  readonly control: SharedArrayBuffer;
  readonly slots: { readonly memory: SharedArrayBuffer; readonly count: number; readonly length: number };
}

/** From the write thread. A slot's bytes stay put until the caller's thread answers that it is free. */
export type WriteEvent =
  | { readonly type: 'slot'; readonly slot: number; readonly length: number }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'index'; readonly bytes: Uint8Array }
  | { readonly type: 'progress'; readonly progress: ArchiveProgress }
  | { readonly type: 'readingEnded' }
  | { readonly type: 'done'; readonly result: WriteResult }
  | { readonly type: 'failed'; readonly failure: FailureRecord };

/** To the write thread: a slot was written out; or nothing more will be, and it is to look at its stop flag. */
export type WriteReply = { readonly slot: number } | { readonly slot: null };
