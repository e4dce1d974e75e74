/** The request and the report of `roost adopt`, shared by the command and the jobs that do the work. */
import type { ServerId } from './ids.ts';

export interface AdoptRequest {
  /** Absolute paths: each holds archives, or directories of servers with archives. */
  readonly directories: readonly string[];
  /** Owner of archives that lie in no server's directory; null refuses such archives. */
  readonly server: ServerId | null;
  /** `link`: a hard link, else a copy; `copy`: always a copy; `move`: as `link`, then the old name is removed. */
  readonly how: 'link' | 'copy' | 'move';
  /** Verifies and reports, but adopts nothing. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  /** Called before each archive; `number` counts from 1. */
  readonly onFile?: (path: string, number: number, total: number) => void;
}

export interface AdoptedArchive {
  readonly path: string;
  readonly server: string;
  readonly backup: string;
  /** Bytes of the archive. */
  readonly size: number;
  readonly files: number;
  /** `known`: an earlier run adopted it. */
  readonly state: 'linked' | 'copied' | 'moved' | 'would be taken' | 'known';
  /** How many warnings its verification gave. */
  readonly warnings: number;
}

export interface RefusedArchive {
  readonly path: string;
  /** A `Failure` code. */
  readonly code: string;
  readonly reason: string;
}

export interface AdoptReport {
  readonly adopted: readonly AdoptedArchive[];
  readonly refused: readonly RefusedArchive[];
}
