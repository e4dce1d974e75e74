/**
 * What the verbs use of the archive room, as one value that is handed in: tests then put faults behind any call.
 * The contracts are those of `archive/contract.ts`.
 */
import type {
  ArchiveFormat,
  ExtractRequest,
  ExtractResult,
  OpenRequest,
  VerifyRequest,
  VerifyResult,
  WriteRequest,
  WriteResult,
} from '../archive/contract.ts';
import type { Entry } from '../archive/entry.ts';

export interface ArchiveDoor {
  writeArchive(request: WriteRequest): Promise<WriteResult>;
  verifyArchive(request: VerifyRequest): Promise<VerifyResult>;
  extractArchive(request: ExtractRequest): Promise<ExtractResult>;
  openArchive(request: OpenRequest, signal?: AbortSignal): Promise<OpenedArchive>;
  estimateTree(request: EstimateRequest): Promise<TreeEstimate>;
  /** The lines of a server's own ignore file; empty when it has none. @param root its directory. */
  readIgnoreFile(root: string): readonly string[];
}

/** An archive that is open for looking inside. Paths are byte strings; `path_not_found` for one it does not hold. */
export interface OpenedArchive {
  readonly format: ArchiveFormat;
  /** One directory level, '' for the root, in byte order; `cursor` goes on where the last page ended. */
  list(path: string, cursor: string | undefined, limit: number): Promise<ArchivePage>;
  /** The content of a file. The stream must be consumed or ended before the archive is closed. */
  content(
    path: string,
    signal?: AbortSignal,
  ): Promise<{ readonly entry: Entry; readonly stream: AsyncIterable<Uint8Array> }>;
  close(): Promise<void>;
}

export interface ArchivePage {
  readonly entries: readonly Entry[];
  readonly cursor?: string;
}

export interface EstimateRequest {
  readonly root: string;
  readonly ignore: readonly string[];
  readonly exclude: readonly string[];
  readonly signal?: AbortSignal;
}

export interface TreeEstimate {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  readonly ignoredFiles: number;
  readonly ignoredBytes: number;
  /** Byte strings of paths, largest first. */
  readonly largestIgnored: readonly { readonly path: string; readonly bytes: number }[];
}
