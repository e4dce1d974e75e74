/**
 * What the verbs use of the archive room, as one value that is handed in: tests then put faults behind any call.
 * The contracts are those of `archive/contract.ts`.
 */
import fs from 'node:fs';
import * as archive from '../../archive/archive.ts';
import type {
  EstimateRequest,
  ExtractRequest,
  ExtractResult,
  ListRequest,
  OpenedArchive,
  OpenRequest,
  TreeEstimate,
  VerifyRequest,
  VerifyResult,
  WriteRequest,
  WriteResult,
} from '../../archive/contract.ts';
import type { ArchiveWarning } from '../../archive/entry.ts';
import { compileIgnore } from '../../archive/ignore/ignore.ts';
import { readIgnoreFile } from '../../archive/ignore/ignore-file.ts';
import { openRoot } from '../../base/files/handles.ts';

export interface ArchivePort {
  writeArchive(request: WriteRequest): Promise<WriteResult>;
  verifyArchive(request: VerifyRequest): Promise<VerifyResult>;
  extractArchive(request: ExtractRequest): Promise<ExtractResult>;
  listArchive(request: ListRequest): Promise<Uint8Array | undefined>;
  openArchive(request: OpenRequest, signal?: AbortSignal): Promise<OpenedArchive>;
  estimateTree(request: EstimateRequest): Promise<TreeEstimate>;
  /**
   * The lines of an ignore list that mean something: without comments and blanks.
   *
   * @throws Failure `invalid_request` when there are too many, or too long ones.
   */
  ignoreLines(lines: readonly string[]): readonly string[];
  /**
   * The server's own ignore file; no lines when it has none, or one that cannot be used (a warning then).
   *
   * @param root the server's directory. @throws the system error when it is missing.
   */
  readIgnoreFile(root: string): OwnIgnoreList;
}

export interface OwnIgnoreList {
  readonly lines: readonly string[];
  readonly warnings: readonly ArchiveWarning[];
}

/** The archive room itself. */
export const archivePort: ArchivePort = {
  ...archive,
  ignoreLines: (lines) => compileIgnore(lines).lines,
  readIgnoreFile(root) {
    const handle = openRoot(root);
    try {
      const file = readIgnoreFile(handle);
      if (file === undefined) return { lines: [], warnings: [] };
      return { lines: compileIgnore(file.lines).lines, warnings: file.warnings };
    } finally {
      fs.closeSync(handle);
    }
  },
};

/** The archive room with threads that stay between operations. */
export function archivePortWith(threads: archive.OperationThreads): ArchivePort {
  return {
    ...archivePort,
    writeArchive: (request) => archive.writeArchive({ ...request, threads }),
    verifyArchive: (request) => archive.verifyArchive({ ...request, threads }),
    listArchive: (request) => archive.listArchive({ ...request, threads }),
    extractArchive: (request) => archive.extractArchive({ ...request, threads }),
    estimateTree: (request) => archive.estimateTree({ ...request, threads }),
  };
}
