/**
 * Stands in for the archive room: "archives" are the words `archive of <root>`, written in pieces, with a hook at each
 * step where a test waits, counts or throws.
 */
import { createHash } from 'node:crypto';
import type {
  EstimateRequest,
  OpenedArchive,
  OpenRequest,
  TreeEstimate,
  VerifyRequest,
  VerifyResult,
  WriteRequest,
  WriteResult,
} from '../../src/archive/contract.ts';
import type { ArchiveWarning } from '../../src/archive/entry.ts';
import { Failure, throwIfAborted } from '../../src/base/failure.ts';
import type { ArchivePort, OwnIgnoreList } from '../../src/jobs/stored/archive-port.ts';

const PIECES = 4;

export class ArchiveDouble implements ArchivePort {
  readonly writes: WriteRequest[] = [];
  readonly estimates: EstimateRequest[] = [];
  /** How many `writeArchive` calls are under way, and the most there ever were. */
  running = 0;
  mostRunning = 0;
  /** Lines of the servers' own ignore files. */
  ignoreFile: readonly string[] = [];
  ignoreWarnings: readonly ArchiveWarning[] = [];
  /** Bytes that an estimate finds. */
  treeBytes = 1000;
  /** Of those, bytes of holes. */
  treeHoles = 0;
  result: Partial<WriteResult> = {};
  /** Awaited before each piece of a write. */
  beforePiece: (request: WriteRequest, piece: number) => Promise<void> | void = () => undefined;
  beforeVerify: (request: VerifyRequest) => Promise<void> | void = () => undefined;
  open: (request: OpenRequest) => Promise<OpenedArchive> = () =>
    Promise.reject(new Failure('internal', 'this double opens nothing'));

  async writeArchive(request: WriteRequest): Promise<WriteResult> {
    this.writes.push(request);
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      return await this.#write(request);
    } finally {
      this.running--;
    }
  }

  async verifyArchive(request: VerifyRequest): Promise<VerifyResult> {
    await untilAborted(request.signal, () => this.beforeVerify(request));
    const { archive } = request.source;
    const bytes = await archive.read(0, archive.size, request.signal);
    const sha256 = digest(bytes);
    if (request.expected !== undefined && request.expected.sha256 !== sha256) {
      throw new Failure('archive_damaged', 'Cannot verify the archive: its sha256 differs');
    }
    const counts = { entries: 1, files: 1, rawSize: 1, bytes: 1 };
    return { format: 'roost', size: archive.size, sha256, ...counts, warnings: [], warningCount: 0 };
  }

  listArchive(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  extractArchive(): Promise<never> {
    return Promise.reject(new Failure('internal', 'this double extracts nothing'));
  }

  openArchive(request: OpenRequest): Promise<OpenedArchive> {
    return this.open(request);
  }

  async estimateTree(request: EstimateRequest): Promise<TreeEstimate> {
    this.estimates.push(request);
    throwIfAborted(request.signal, 'Cannot estimate');
    const largestIgnored = [{ path: 'caf\xc3\xa9', bytes: 7 }];
    return {
      files: 3,
      directories: 1,
      bytes: this.treeBytes,
      ...(this.treeHoles > 0 ? { holes: this.treeHoles } : {}),
      ignoredFiles: 1,
      ignoredBytes: 7,
      largestIgnored,
    };
  }

  ignoreLines(lines: readonly string[]): readonly string[] {
    if (lines.length > 10) throw new Failure('invalid_request', 'Cannot use the ignore list: it is too long');
    return lines.filter((line) => !line.startsWith('#'));
  }

  readIgnoreFile(): OwnIgnoreList {
    return { lines: this.ignoreFile, warnings: this.ignoreWarnings };
  }

  async #write(request: WriteRequest): Promise<WriteResult> {
    const bytes = Buffer.from(`archive of ${request.root} `.repeat(PIECES));
    const length = bytes.length / PIECES;
    for (let piece = 0; piece < PIECES; piece++) {
      await untilAborted(request.signal, () => this.beforePiece(request, piece));
      throwIfAborted(request.signal, 'Cannot write the archive');
      await request.archive.write(bytes.subarray(piece * length, (piece + 1) * length));
      const done = {
        bytesDone: (piece + 1) * length,
        bytesTotal: bytes.length,
        filesDone: piece + 1,
        filesTotal: PIECES,
      };
      request.onProgress?.(done);
    }
    request.onReadingEnded?.();
    await request.index.write(Buffer.from('index'));
    return {
      size: bytes.length,
      rawSize: bytes.length * 2,
      bytes: bytes.length,
      sha256: digest(bytes),
      entries: 2,
      files: 1,
      warnings: [],
      warningCount: 0,
      reusedBytes: 0,
      engine: 'zlib',
      startedAt: 0,
      ...this.result,
    };
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Waits for a hook, but no longer than until the signal fires: as every real verb of the archive room does. */
async function untilAborted(signal: AbortSignal | undefined, hook: () => Promise<void> | void): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => undefined);
  const onAbort = (): void => aborted.reject(signal?.reason);
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort);
  try {
    await Promise.race([hook(), aborted.promise]);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
