/** Requests and results of the archive's functions (write, open, verify, extract). Types only; see archive.ts. */
import type { PathParts } from '../base/file-parts.ts';
import type { ByteSink, ByteSource } from '../base/source.ts';
import type { ArchiveProgress, ArchiveWarning, Entry } from './entry.ts';
import type { OperationThreads } from './threads/operation-threads.ts';

export type CompressionLevel = 'none' | 'fast' | 'best';
export type EngineName = 'isal' | 'zlib';

/** What all operations may be given. */
interface Threaded {
  /** Where their threads come from and go to; without it, they are started and ended. */
  readonly threads?: OperationThreads;
}

export interface WriteRequest extends Threaded {
  /** The directory to archive; its own name is not part of the archive. */
  readonly root: string;
  /** gitignore lines in force. */
  readonly ignore: readonly string[];
  /** Absolute paths of directories and files that never become part of an archive (Roost's own), wherever they lie. */
  readonly exclude: readonly string[];
  readonly level: CompressionLevel;
  /**
   * Regular files alone become entries of the tar, so that readers which break at anything else (a stock Wings) unpack
   * it; directories and links are kept in the index, and in `WriteResult.aside`.
   */
  readonly filesOnly?: boolean;
  readonly engine: EngineName | 'auto';
  readonly workers: number | 'auto';
  /** How many steps nicer than the calling thread its own threads are; 0 without it. */
  readonly nice?: number;
  /** What a game that writes on keeps still meanwhile. */
  readonly held?: HeldFiles;
  /** An older archive of the same directory, with its index, to copy unchanged bytes from. */
  readonly base?: WriteBase;
  /**
   * Deflates in short runs, so that a small change changes few stored bytes (same-bytes.ts), and tells the archive's sink
   * which bytes the base has.
   */
  readonly shares?: boolean;
  readonly archive: ByteSink;
  readonly index: ByteSink;
  /** Bytes that the archive may reach; `too_large` beyond. 0 for no limit. */
  readonly maxSize: number;
  /** MiB per second; 0 for none. Read again for every piece, so a change acts at once. */
  readonly rates?: () => { readonly read: number; readonly write: number };
  readonly signal?: AbortSignal;
  /** Called at most every 100 ms, and once at the end with done equal to total. */
  readonly onProgress?: (progress: ArchiveProgress) => void;
  /** Called once, when the last byte of the tree was read: a quiesced server may go on. */
  readonly onReadingEnded?: () => void;
}

/** The state of a world of which files are a first part only. Paths are byte strings below the root. */
export interface HeldFiles {
  /** Bytes of each file that belong to it: longer files are cut there, without a warning. */
  readonly lengths: ReadonlyMap<string, number>;
  /** Directories whose other files are newer than that state: they are left out, with a warning. */
  readonly complete: readonly string[];
}

/** An older archive: its file, or the ranges of files that make it up, and its index. */
export interface WriteBase {
  readonly archive: string | PathParts;
  readonly index: string;
}

export interface WriteResult {
  readonly size: number;
  readonly rawSize: number;
  /** Bytes of the files' content: what unpacking gives, and what `VerifyResult` and `ExtractResult` count. */
  readonly bytes: number;
  /** Of `bytes` those that unpacking writes; absent when no file has holes, and it is all of them. */
  readonly allocated?: number;
  readonly sha256: string;
  readonly entries: number;
  readonly files: number;
  readonly warnings: readonly ArchiveWarning[];
  /** All warnings, also those beyond the bounded list. */
  readonly warningCount: number;
  /** Stored bytes that were copied from the base. */
  readonly reusedBytes: number;
  /** Segments of the base that are damaged: made again as they were, and not. Absent when it has none. */
  readonly baseDamage?: { readonly healed: number; readonly lost: number };
  readonly engine: EngineName;
  /** When reading began, in ms since the epoch. */
  readonly startedAt: number;
  /** With `filesOnly`: what is not in the tar, for the manifest. A few mebibytes at most; absent when there is nothing. */
  readonly aside?: Uint8Array;
}

export type ArchiveFormat = 'roost' | 'tar' | 'zip';

/** One entry with its content, in archive order. The content must be consumed (or skipped) before the next is asked for. */
export interface StreamedEntry {
  readonly entry: Entry;
  /** Yields the content; empty for all but files. Memory is valid until the next step. */
  content(): AsyncIterable<Uint8Array>;
}

/** What a foreign archive held that is no entry: hostile or unsupported, by name; or a warning about the archive as a whole. */
export interface SkippedEntry {
  readonly warning: ArchiveWarning;
}

/** An archive that is read through from its start: any tar, tar.gz or zip, ours included when its index is lost. */
export interface StreamedArchive {
  readonly format: 'tar' | 'zip';
  /** May be called again: each call reads from the start. */
  read(signal?: AbortSignal): AsyncIterable<StreamedEntry | SkippedEntry>;
  /** Bytes of the source that the newest reading has used so far, for progress. */
  consumed(): number;
}

export interface OpenRequest {
  readonly archive: ByteSource;
  /** The index, when there is one and it belongs to this archive. */
  readonly index?: ByteSource;
  /** What `listArchive` made of this archive: used where there is no index that serves. */
  readonly listing?: ByteSource;
  /** `WriteResult.aside`, as the manifest kept it: used where there is no index that serves. */
  readonly aside?: Uint8Array;
  /**
   * Encoding of names in an archive of another program that are not known to be UTF-8, as a label of TextDecoder or
   * `cp437`. Without it a zip's are guessed, and a tar's are kept as bytes.
   */
  readonly encoding?: string;
  /** Called with each thing that an archive without an index holds and a look leaves out, at every reading. */
  readonly onWarning?: (warning: ArchiveWarning) => void;
}

/** An archive that is open for looking into. Paths are byte strings; `path_not_found` for what it does not hold. */
export interface OpenedArchive {
  readonly format: ArchiveFormat;
  /** One directory level ('' is the root), in byte order; `cursor` goes on where the page before ended. */
  list(path: string, cursor: string | undefined, limit: number, signal?: AbortSignal): Promise<ArchivePage>;
  /** All entries, in archive order. */
  entries(signal?: AbortSignal): AsyncIterable<Entry>;
  /** Those that are selected, with their content, in archive order and in one pass. @param selects takes a path. */
  selected(selects: (path: string) => boolean, signal?: AbortSignal): AsyncIterable<StreamedEntry>;
  /** A file's content; of a hard link, that of its target. Memory of the stream is valid until its next step. */
  content(
    path: string,
    signal?: AbortSignal,
  ): Promise<{ readonly entry: Entry; readonly stream: AsyncIterable<Uint8Array> }>;
  /** Frees what it holds itself; the sources stay the caller's to close. */
  close(): Promise<void>;
}

export interface BatchedArchive extends OpenedArchive {
  /** As `entries`, many at a time: a step for each of hundreds of thousands takes longer than to read it. */
  batches(signal?: AbortSignal): AsyncIterable<readonly Entry[]>;
}

export interface ArchivePage {
  readonly entries: readonly Entry[];
  readonly cursor?: string;
}

export interface EstimateRequest extends Threaded {
  readonly root: string;
  readonly ignore: readonly string[];
  readonly exclude: readonly string[];
  readonly signal?: AbortSignal;
}

export interface TreeEstimate {
  readonly files: number;
  readonly directories: number;
  /** Bytes of content that would be archived. */
  readonly bytes: number;
  /** Of `bytes` those in holes of files, which hardly take any in an archive; absent when there are none. */
  readonly holes?: number;
  readonly ignoredFiles: number;
  readonly ignoredBytes: number;
  /** Ignored directories, the largest first; byte strings. */
  readonly largestIgnored: readonly { readonly path: string; readonly bytes: number }[];
}

export interface ExtractLimits {
  /** Bytes of content that may be written in all, holes left out; 0 for none. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

export interface ExtractRequest extends Threaded {
  readonly source: OpenRequest;
  /**
   * Prove the archive while it is unpacked, as `verifyArchive` would, in the same pass: `archive_damaged` when it is not
   * whole, or not the one that was recorded. For a stage, on which nothing relies before this resolves.
   */
  readonly expected?: { readonly size: number; readonly sha256: string };
  /** An existing directory that only Roost can reach while this runs (a stage, or a new directory). */
  readonly into: string;
  /** True for the paths wanted; all without it. Parents of wanted paths are made as needed. */
  readonly select?: (path: string, kind: Entry['kind']) => boolean;
  readonly owner: 'archive' | { readonly uid: number; readonly gid: number };
  readonly setuid: 'strip' | 'keep';
  readonly limits: ExtractLimits;
  /** True when files of the same names may be replaced (CLI `--overwrite`); a stage is empty and says false. */
  readonly overwrite: boolean;
  /** Flush every file and directory before returning: a restore does, the CLI need not. */
  readonly durable: boolean;
  readonly workers: number | 'auto';
  /** How many steps nicer than the calling thread its own threads are; 0 without it. */
  readonly nice?: number;
  /** MiB per second; 0 for none. Asked for again and again, so a change acts within half a second. */
  readonly rates?: () => { readonly read: number; readonly write: number };
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ArchiveProgress) => void;
}

export interface ExtractResult {
  readonly entries: number;
  readonly files: number;
  readonly bytes: number;
  /** Includes `hostile_entry` for skipped entries. */
  readonly warnings: readonly ArchiveWarning[];
  readonly warningCount: number;
  /** Entries passed over because they were hostile. */
  readonly hostile: number;
  /** All entries that were passed over: the hostile, and those that a regular archive does not hold. */
  readonly skipped: number;
}

export interface VerifyRequest extends Threaded {
  readonly source: OpenRequest;
  /** What the manifest recorded, to compare with. */
  readonly expected?: { readonly size: number; readonly sha256: string };
  /** Drop what was read from the page cache: set when no other reader of the archive is expected soon. */
  readonly passing?: boolean;
  readonly workers: number | 'auto';
  /** How many steps nicer than the calling thread its own threads are; 0 without it. */
  readonly nice?: number;
  /** As in `ExtractRequest`; nothing is written. */
  readonly rates?: () => { readonly read: number; readonly write: number };
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ArchiveProgress) => void;
}

/** Reads an archive without an index to its end. `expected` binds the listing to it. */
export interface ListRequest extends Omit<VerifyRequest, 'expected' | 'passing' | 'onProgress'> {
  readonly expected: { readonly size: number; readonly sha256: string };
}

export interface VerifyResult {
  readonly format: ArchiveFormat;
  readonly size: number;
  readonly sha256: string;
  readonly entries: number;
  readonly files: number;
  readonly rawSize: number;
  /** Bytes of the files' content, as in `WriteResult`. */
  readonly bytes: number;
  readonly warnings: readonly ArchiveWarning[];
  /** All warnings, also those beyond the bounded list. */
  readonly warningCount: number;
  /**
   * Of an archive without an index: when its newest entry was modified, in seconds since the epoch; entries in the
   * future, and those dated 1980 or before, which stand for no date, do not count. Absent when none is left.
   */
  readonly newest?: number;
}
