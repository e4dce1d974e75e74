/**
 * Sends archives, and files out of them.
 *
 * For: every dialect, by `sendArchive` and `sendContent`. Promises: the bytes are exact, or the connection breaks
 * before the promised length; at most two pieces per download are in memory; a source is closed once, as soon as the
 * client hangs up or stalls; an error before the first byte is an ordinary answer. Never: reads a
 * piece before the client took the one before the last.
 */
import { MEBIBYTE } from '../../base/sizes.ts';
import { Failure, unlessAborted } from '../../base/failure.ts';
import { type ByteSource, readInto } from '../../base/source.ts';
import { freeMemory } from '../../base/free-memory.ts';
import type { Log } from '../../base/log/log.ts';
import type { FileContent } from '../../jobs/contract.ts';
import { attachment } from './content-disposition.ts';
import type { AppContext, ArchiveDownload, DialectDeps } from '../../protocols/dialect.ts';
import { chooseRange } from './byte-range.ts';
import { bodyOf, type BodyDeps, type BytePieces } from './byte-stream.ts';
import { OpenDownloads } from './open-downloads.ts';

/** Used until the client has shown that it reads, because a client that does not makes us hold two pieces. */
const SMALL_PIECE = 64 * 1024;
/** Faster than small ones; larger pieces gain nothing. */
const LARGE_PIECE = MEBIBYTE;
/** More than the system takes of an answer that is not read. */
const SMALL_BYTES = 16 * MEBIBYTE;

type Deps = BodyDeps & { readonly open: OpenDownloads };

export function createDownloads(bodies: BodyDeps): Pick<DialectDeps, 'admitDownload' | 'sendArchive' | 'sendContent'> {
  const deps = { ...bodies, open: new OpenDownloads() };
  return {
    admitDownload: (c, place) => deps.open.admit(c, place),
    sendArchive: (c, download) => sendArchive(c, download, deps),
    sendContent: (c, content, stop) => sendContent(c, content, stop, deps),
  };
}

async function sendArchive(c: AppContext, download: ArchiveDownload, deps: Deps): Promise<Response> {
  const { log } = deps;
  const { source } = download;
  const { status, headers, bytes } = chooseAnswer(c, download);
  if (status !== 200 && status !== 206) {
    await closeUnread(source, log);
    return c.body(null, status, status === 304 ? { ...headersOf(download), ...headers } : headers);
  }
  const allHeaders = { ...headersOf(download), ...headers };
  if (bytes === undefined) {
    await closeUnread(source, log);
    return c.body(null, status, allHeaders);
  }
  return c.body(await bodyOf(c, piecesOf(source, bytes.start, bytes.end, deps.open), deps), status, allHeaders);
}

interface Answer {
  readonly status: 200 | 206 | 304 | 412 | 416;
  readonly headers: Record<string, string>;
  /** Bytes to send, `end` exclusive; absent when there is no body. */
  readonly bytes?: { readonly start: number; readonly end: number };
}

// RFC 9110 13.2.2: If-Match, then If-None-Match, then Range with If-Range. Ranges are for GET only (14.2).
function chooseAnswer(c: AppContext, { source: { size }, tag }: ArchiveDownload): Answer {
  const ifMatch = c.req.header('if-match');
  if (ifMatch !== undefined && !names(ifMatch, tag, 'strong')) return { status: 412, headers: {} };
  if (names(c.req.header('if-none-match'), tag, 'weak')) return { status: 304, headers: {} };
  const whole: Answer = { status: 200, headers: { 'Content-Length': `${size}` } };
  if (c.req.method === 'HEAD' || size === 0) return whole;
  const range = chooseRange(rangeStillHolds(c, tag) ? c.req.header('range') : undefined, size);
  if (range.kind === 'whole') return { ...whole, bytes: { start: 0, end: size } };
  if (range.kind === 'unsatisfiable') return { status: 416, headers: { 'Content-Range': `bytes */${size}` } };
  const { start, end } = range;
  const contentRange = `bytes ${start}-${end - 1}/${size}`;
  const headers = { 'Content-Range': contentRange, 'Content-Length': `${end - start}` };
  return { status: 206, headers, bytes: { start, end } };
}

async function closeUnread(source: Pick<ByteSource, 'close'>, log: Log): Promise<void> {
  await source.close().catch((error: unknown) => log.warn('Cannot close a download', { error }));
}

// A date in If-Range never matches, since no Last-Modified is sent: the whole archive is safe.
function rangeStillHolds(c: AppContext, tag: string | undefined): boolean {
  const ifRange = c.req.header('if-range');
  return ifRange === undefined || (tag !== undefined && ifRange.trim() === `"${tag}"`);
}

function names(header: string | undefined, tag: string | undefined, comparison: 'strong' | 'weak'): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const wanted = new Set(header.split(',').map((part) => part.trim()));
  return tag !== undefined && (wanted.has(`"${tag}"`) || (comparison === 'weak' && wanted.has(`W/"${tag}"`)));
}

function headersOf({ fileName, contentType, tag }: ArchiveDownload): Record<string, string> {
  return {
    'Content-Type': contentType,
    'Content-Disposition': attachment(fileName),
    'Accept-Ranges': 'bytes',
    // no-transform: a proxy that unpacks gzip would break the checksum and resumed ranges.
    'Cache-Control': 'private, no-transform',
    ...(tag === undefined ? {} : { ETag: `"${tag}"` }),
  };
}

/**
 * Reuses the memory of pieces that the client has taken. They grow once it has shown that it reads, as far as there is
 * memory for large pieces of all downloads.
 */
function piecesOf(source: ByteSource, start: number, end: number, open: OpenDownloads): BytePieces {
  let at = start;
  let closed = false;
  let taken = 0;
  let size = Math.min(SMALL_PIECE, end - start);
  let giveBack: (() => void) | undefined;
  const spare: Uint8Array[] = [];
  const grow = (): void => {
    if (giveBack !== undefined || taken < SMALL_BYTES || end - at < LARGE_PIECE) return;
    giveBack = open.takeLarge(2 * LARGE_PIECE);
    if (giveBack !== undefined) size = LARGE_PIECE;
  };
  return {
    async next(signal) {
      if (at >= end) return undefined;
      grow();
      const memory = spare.pop() ?? Buffer.allocUnsafeSlow(size);
      const piece = memory.subarray(0, Math.min(size, end - at));
      // An aborted read may still write: its memory is not reused.
      await unlessAborted(readInto(source, at, piece, signal), signal, 'Cannot read the archive');
      at += piece.length;
      return piece;
    },
    release(piece) {
      taken += piece.length;
      if (closed || piece.buffer.byteLength !== size) freeMemory(piece);
      else spare.push(new Uint8Array(piece.buffer));
    },
    async close() {
      closed = true;
      giveBack?.();
      for (const memory of spare) freeMemory(memory);
      await source.close();
    },
  };
}

async function sendContent(
  c: AppContext,
  content: FileContent,
  stop: AbortController,
  deps: BodyDeps,
): Promise<Response> {
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': attachment(content.name),
    ...(content.size === undefined ? {} : { 'Content-Length': `${content.size}` }),
    'Cache-Control': 'private, no-transform',
  };
  const pieces = contentPieces(content, stop);
  if (c.req.method !== 'HEAD' && content.size !== 0) return c.body(await bodyOf(c, pieces, deps), 200, headers);
  await closeUnread(pieces, deps.log);
  return c.body(null, 200, headers);
}

/**
 * Holds the last piece back until the content has ended well, so that a wrong checksum at the end breaks the download.
 */
function contentPieces(content: FileContent, stop: AbortController): BytePieces {
  const iterator = content.stream[Symbol.asyncIterator]();
  // Content of unknown length may have any length.
  let left = content.size ?? Number.POSITIVE_INFINITY;
  let begun = false;
  let held: Uint8Array | undefined;
  return {
    async next(signal) {
      if (!begun) signal.addEventListener('abort', () => stop.abort(), { once: true });
      begun = true;
      for (;;) {
        const step = await iterator.next();
        const ready = held;
        // Copied: the iterator may reuse its memory while the socket still holds this piece.
        held = step.done === true ? undefined : new Uint8Array(step.value);
        left -= held?.byteLength ?? 0;
        if (left < 0 || (held === undefined && left > 0 && Number.isFinite(left))) throw wrongLength();
        if (held === undefined || (ready !== undefined && ready.byteLength > 0)) return ready;
      }
    },
    release: freeMemory,
    async close() {
      stop.abort();
      await iterator.return?.();
    },
  };
}

function wrongLength(): Failure {
  return new Failure('archive_damaged', 'Cannot send the file: its content has another length than its entry says');
}
