/**
 * Downloads a backup from a URL that came from outside.
 *
 * For: restores from a panel's storage. Promises: connects only to addresses that the guard allows, in redirects and
 * resumed downloads too; the content begins as gzip does; a cut download resumes where it broke off, for the same
 * object only; memory stays flat; a trickling connection is given up. Never: stores or reports the URL, or interprets
 * the content.
 */
import type { IncomingMessage } from 'node:http';
import { DAY_MS, HOUR_MS } from '../../base/clock.ts';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import { formatBytes, MEBIBYTE } from '../../base/sizes.ts';
import { connectionError, faultOf, isTransient } from '../s3/failure.ts';
import { type RetryPort, systemRetry } from '../../base/retry.ts';
import { retried } from '../s3/retry.ts';
import { AllowedHosts, type Resolve, systemResolve } from '../../base/address-rules.ts';
import { addressesOf, parseLink } from './link.ts';
import { guardedGet, type GuardedOptions } from './request.ts';

const DOING = 'Cannot fetch the backup';
/** RFC 1952: two magic bytes and deflate, the only method. */
const GZIP = [0x1f, 0x8b, 8];
/** After this much progress earlier cuts no longer count as failed attempts. */
const FORGIVING = MEBIBYTE;
/** A host that sends less than this in one `stallMs` only blocks the job. */
const TRICKLE = 64 * 1024;
/** A day: the largest archives over slow lines take hours. */
const LONGEST_MS = DAY_MS;
/** A panel waits 15 seconds for the answer to its request. */
const CHECK_MS = 3000;
const MAX_TYPE = 100;

export interface DownloadSettings {
  /** Host names, addresses and blocks to allow although they are not public. */
  readonly allowlist: readonly string[];
  readonly userAgent: string;
  readonly resolve?: Resolve;
  readonly retry?: RetryPort;
  readonly connectMs?: number;
  readonly headerMs?: number;
  readonly stallMs?: number;
  /** For the whole download, including retries. */
  readonly longestMs?: number;
  /** Certificate authorities in addition to Node's, as PEM. */
  readonly ca?: string;
}

/** Where the bytes go. An error it throws ends the download. */
export interface DownloadTarget {
  /** 0 for no limit. */
  readonly maxBytes: number;
  /** Called before the first byte of each response with the total size; null when it is unknown. */
  expect(size: number | null): Promise<void>;
  /** Takes bytes at an offset; the caller may reuse the memory afterwards. Starts again at 0 for another object. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
}

/** The bytes received so far, and of which object. */
interface Part {
  done: number;
  /** The largest `done` so far. */
  furthest: number;
  size: number | null;
  /** For `If-Range`: a strong ETag, or the date of the last change. */
  validator: string | null;
  etag: string | null;
}

export class GuardedDownload {
  readonly #options: GuardedOptions;
  readonly #retry: RetryPort;
  readonly #stallMs: number;
  readonly #longestMs: number;

  constructor(settings: DownloadSettings) {
    const { allowlist, userAgent, ca, resolve = systemResolve, connectMs = 30_000, headerMs = 30_000 } = settings;
    const allowed = new AllowedHosts(allowlist);
    this.#options = { allowed, resolve, connectMs, headerMs, userAgent, ca };
    this.#retry = settings.retry ?? systemRetry;
    this.#stallMs = settings.stallMs ?? 60_000;
    this.#longestMs = settings.longestMs ?? LONGEST_MS;
  }

  /**
   * Rejects early what `fetch` would refuse, without connecting. A name that does not resolve in time passes; `fetch`
   * resolves it again.
   *
   * @throws Failure `invalid_request` with Wings' sentence for it.
   */
  async check(link: string): Promise<void> {
    const url = parseLink(link);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, CHECK_MS);
    try {
      await Promise.race([addressesOf(url, this.#options.allowed, this.#options.resolve), late.promise]);
    } catch (error) {
      if (error instanceof Failure) throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Downloads everything, within a day and as long as bytes arrive.
   *
   * @returns its size in bytes.
   * @throws Failure `invalid_request` for a refused link; `archive_damaged` for something other than gzip; `too_large`;
   *   `store_unreachable` when the host keeps failing or answers with an error; `cancelled`; what the target throws.
   */
  async fetch(link: string, target: DownloadTarget, signal: AbortSignal): Promise<number> {
    const url = parseLink(link);
    const part: Part = { done: 0, furthest: 0, size: null, validator: null, etag: null };
    const late = AbortSignal.timeout(this.#longestMs);
    const either = AbortSignal.any([signal, late]);
    try {
      for (;;) {
        const options = { port: this.#retry, patience: 'long', signal: either } as const;
        const outcome = await retried(() => this.#goOn(url, part, target, either), options);
        if (outcome instanceof Failure) throw outcome;
        if (outcome) return part.done;
      }
    } catch (error) {
      throwIfAborted(signal, DOING);
      throw late.aborted ? tooSlow(url, this.#longestMs) : explain(error, url);
    }
  }

  /**
   * Makes one request for the missing bytes.
   *
   * @returns true when nothing is missing, false after considerable progress; a Failure that another request to the
   *   host would not cure. Rejects when there was too little progress.
   */
  async #goOn(url: URL, part: Part, target: DownloadTarget, signal: AbortSignal): Promise<boolean | Failure> {
    const before = part.furthest;
    const answer = await guardedGet(url, rangeOf(part), this.#options, signal);
    const { response } = answer;
    try {
      begin(part, response, answer.url);
      await target.expect(part.size);
      await this.#read(response, part, target, signal);
      return true;
    } catch (error) {
      throwIfAborted(signal, DOING);
      if (error instanceof Failure && error.code !== 'store_unreachable') return error;
      if (part.furthest - before >= FORGIVING && isTransient(error)) return false;
      throw error;
    } finally {
      response.destroy();
    }
  }

  async #read(response: IncomingMessage, part: Part, target: DownloadTarget, signal: AbortSignal): Promise<void> {
    let received = 0;
    let checked = 0;
    /** While the target is slow (disk, rate limit) the host is not to blame. */
    let isWriting = false;
    const watch = setInterval(() => {
      if (!isWriting && received - checked < TRICKLE)
        response.destroy(connectionError('no bytes came any more', 'ETIMEDOUT'));
      checked = received;
    }, this.#stallMs);
    const onAbort = (): void => void response.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        throwIfAborted(signal, DOING);
        received += chunk.byteLength;
        requireGzip(chunk, part.done, response);
        requireFitting(part.done + chunk.byteLength, target);
        isWriting = true;
        await target.write(chunk, part.done);
        isWriting = false;
        part.done += chunk.byteLength;
        part.furthest = Math.max(part.furthest, part.done);
      }
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', onAbort);
    }
    if (part.done < GZIP.length) throw notGzip(response);
    if (part.size !== null && part.done !== part.size) throw connectionError('the connection was cut', 'ECONNRESET');
  }
}

function rangeOf({ done, validator }: Part): Record<string, string> {
  if (done === 0) return {};
  return { Range: `bytes=${done}-`, ...(validator === null ? {} : { 'If-Range': validator }) };
}

/** Reads a response's headers: which object it is, and where its body begins. */
function begin(part: Part, response: IncomingMessage, url: URL): void {
  const { statusCode: status = 0, headers } = response;
  const etag = headers.etag ?? null;
  if (status === 206 && part.done > 0) {
    const [, from, size] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
    const isSameSize = part.size === null || size === '*' || Number(size) === part.size;
    const isSameTag = part.etag === null || etag === null || part.etag === etag;
    if (Number(from) === part.done && isSameSize && isSameTag) return;
    // Bytes of another object than those received (some services ignore If-Range): start over.
    part.done = 0;
    throw connectionError('the object was replaced meanwhile', 'ECONNRESET');
  }
  if (status === 416 && part.done > 0) {
    part.done = 0;
    throw connectionError('the object was replaced meanwhile', 'ECONNRESET');
  }
  if (status !== 200) throw badStatus(status, url);
  const length = headers['content-length'];
  part.done = 0;
  part.size = length === undefined ? null : Number(length);
  part.etag = etag;
  part.validator = etag === null || etag.startsWith('W/') ? (headers['last-modified'] ?? null) : etag;
}

function requireGzip(chunk: Buffer, offset: number, response: IncomingMessage): void {
  for (let at = offset; at < GZIP.length && at - offset < chunk.byteLength; at++) {
    if (chunk[at - offset] !== GZIP[at]) throw notGzip(response);
  }
}

function requireFitting(size: number, { maxBytes }: DownloadTarget): void {
  if (maxBytes === 0 || size <= maxBytes) return;
  throw new Failure('too_large', `${DOING}: it is larger than ${formatBytes(maxBytes)}`, {
    facts: { limit: maxBytes },
    hint: 'Raise limits.max_size, which holds for archives from elsewhere too.',
  });
}

function notGzip(response: IncomingMessage): Failure {
  const type = printableText((response.headers['content-type'] ?? '').slice(0, MAX_TYPE));
  const sentence = 'The provided backup link is not a supported content type.';
  return new Failure('archive_damaged', `${sentence} "${type}" is not application/x-gzip.`);
}

function badStatus(status: number, { host }: URL): Failure {
  return new Failure('store_unreachable', `The provided backup link returned an invalid response status: ${status}`, {
    facts: { host, status },
    hint:
      status === 403 ? 'The link may have expired: restore again, with a new one.' : 'Look into the storage’s own log.',
    retry: status >= 500 || status === 408 || status === 429,
  });
}

function tooSlow({ host }: URL, longestMs: number): Failure {
  return new Failure('store_unreachable', `${DOING}: ${host} took longer than ${longestMs / HOUR_MS} hours`, {
    facts: { host },
    hint: 'Look into the line between this host and the storage; then restore again.',
  });
}

/** The system's message is kept; it never contains the URL. */
function explain(error: unknown, { host }: URL): Failure {
  if (error instanceof Failure) return error;
  const { code, message } = faultOf(error);
  return new Failure(
    'store_unreachable',
    `${DOING}: ${host} failed (${code === '' ? message : `${code}: ${message}`})`,
    {
      cause: error,
      facts: { host, code },
      hint: 'Check that the host can be reached from here, and its certificate; then restore again.',
      retry: isTransient(error),
    },
  );
}
