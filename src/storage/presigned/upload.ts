/**
 * Uploads an archive to another party's bucket by presigned URLs for the parts of a multipart upload.
 *
 * For: reports to a panel that keeps backups in its own storage. Promises: all parts but the last have the requested
 * size; all returned parts belong to the upload begun last; memory stays flat for any part size. Never: completes or
 * aborts the upload; the panel does.
 *
 *   1 begin      URLs for a size; each call begins a new upload, and parts of an earlier one are lost
 *   2 parts      a few at a time; after a cut, 5xx, 408 or 429 a part starts over
 *   3 expired    403 (or the upload is gone): with `more`, that part asks for a new URL of the same upload, and parts
 *                that arrived stay; otherwise back to 1, with every part
 *
 * Killed at any point, it leaves nothing here; the next run begins at 1.
 */
import http from 'node:http';
import https from 'node:https';
import type { Clock } from '../../base/clock.ts';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import { Pace } from '../../base/rates.ts';
import type { ByteSource } from '../../base/source.ts';
import { faultOf, isTransient } from '../s3/failure.ts';
import { type RetryPort, systemRetry } from '../../base/retry.ts';
import { retried } from '../s3/retry.ts';
import { type PartAnswer, putPart } from './part.ts';

const DOING = 'Cannot upload the archive';
/** Several, so that the line is not idle while a response is awaited. */
const SIDE_BY_SIDE = 4;
/** Each holds a connection and a piece in memory, whatever the other party allows. */
const MOST_SIDE_BY_SIDE = 16;
/** How often one part gets a new URL. */
const MOST_RENEWALS = 3;
/** S3 has 10,000; panels that give URLs in pieces give none for the last. */
const MOST_PARTS = 9999;
/** A set of URLs lives for an hour; if that is too short so often, only a higher rate helps. */
const MOST_BEGINNINGS = 3;
const IDLE_MS = 60_000;
const WEB: ReadonlySet<string> = new Set(['http:', 'https:']);

export interface PartPlaces {
  /** URLs in part order. */
  readonly parts: readonly string[];
  /** Size in bytes of all parts but the last. */
  readonly partSize: number;
  /**
   * URLs of the same upload from a part number on, in part order. With it, `parts` holds only the first ones, and a URL
   * that has expired is replaced.
   */
  readonly more?: (from: number, signal: AbortSignal) => Promise<readonly string[]>;
  /** How many parts may be sent at a time; 4 when absent. */
  readonly sideBySide?: number;
}

export interface UploadRequest {
  /** Read concurrently; the caller closes it. */
  readonly source: ByteSource;
  /** Begins a new upload of that size. An error it throws ends this one. */
  readonly begin: (size: number, signal: AbortSignal) => Promise<PartPlaces>;
  /** Bytes per second of all parts together, queried repeatedly; 0 for no limit. */
  readonly rate: () => number;
  readonly clock: Clock;
  readonly retry?: RetryPort;
  /** Milliseconds without progress before a connection is given up. */
  readonly idleMs?: number;
}

/** A part that the service accepted. */
export interface SentPart {
  /** From 1. */
  readonly partNumber: number;
  /** The ETag header as sent, including quotes. */
  readonly etag: string;
}

/**
 * @returns all parts of the upload begun last, in order.
 * @throws Failure `store_unreachable`, whose `retry` says whether it may pass; `archive_damaged` of the source;
 *   `cancelled`. No request is running any more then.
 */
export async function uploadParts(request: UploadRequest, signal: AbortSignal): Promise<readonly SentPart[]> {
  const { source, begin, clock } = request;
  for (let beginning = 1; ; beginning++) {
    const begun = await begin(source.size, signal);
    const places = readPlaces(begun, source.size);
    const started = clock.monotonic();
    try {
      return await sendAll(places, { ...request, sideBySide: sideBySideOf(begun) }, signal);
    } catch (error) {
      throwIfAborted(signal, DOING);
      if (!(error instanceof NoLongerTaken)) throw error;
      if (beginning === MOST_BEGINNINGS || begun.more !== undefined) throw error.explain(clock.monotonic() - started);
    }
  }
}

function sideBySideOf({ sideBySide = SIDE_BY_SIDE }: PartPlaces): number {
  return Math.min(Math.max(Math.trunc(sideBySide), 1), MOST_SIDE_BY_SIDE);
}

interface PartLocation {
  readonly url: URL;
  /** Replaces a URL that is not good any more; absent where only a new upload helps. */
  readonly renew?: (expired: URL, signal: AbortSignal) => Promise<URL>;
  readonly partNumber: number;
  readonly offset: number;
  readonly length: number;
}

/** @throws Failure when the URLs do not fit the archive: the panel would complete a truncated object. */
function readPlaces(places: PartPlaces, size: number): readonly (PartLocation | LazyLocation)[] {
  const { parts, partSize, more } = places;
  const count = Math.ceil(size / partSize);
  const isSized = Number.isSafeInteger(partSize) && partSize > 0;
  const isWhole = isSized && (more === undefined ? parts.length === count : parts.length > 0 && count <= MOST_PARTS);
  const urls = urlsOf(parts);
  if (!isWhole || urls.length !== parts.length) {
    throw new Failure('store_unreachable', `${DOING}: what the panel gave are no places for its parts`, {
      facts: { parts: parts.length, partSize, size },
      hint: 'Check the S3 settings of the panel.',
      retry: true,
    });
  }
  if (more !== undefined) {
    const supply = new UrlSupply(urls, more);
    return Array.from({ length: count }, (_, index) => {
      const offset = index * partSize;
      return { supply, partNumber: index + 1, offset, length: Math.min(partSize, size - offset) };
    });
  }
  return urls.map((url, index) => {
    const offset = index * partSize;
    return { url, partNumber: index + 1, offset, length: Math.min(partSize, size - offset) };
  });
}

function urlsOf(texts: readonly string[]): URL[] {
  return texts.flatMap((text) => URL.parse(text) ?? []).filter(({ protocol }) => WEB.has(protocol));
}

type LazyLocation = Omit<PartLocation, 'url' | 'renew'> & { readonly supply: UrlSupply };

/** The URLs of one upload, asked for when they are needed: they live shorter than an upload may take. */
class UrlSupply {
  readonly #known = new Map<number, URL>();
  readonly #more: NonNullable<PartPlaces['more']>;
  #asking: Promise<void> = Promise.resolve();

  constructor(first: readonly URL[], more: NonNullable<PartPlaces['more']>) {
    this.#keep(1, first);
    this.#more = more;
  }

  async location(part: LazyLocation, signal: AbortSignal): Promise<PartLocation> {
    const { partNumber } = part;
    const renew = (expired: URL, stop: AbortSignal): Promise<URL> => this.#url(partNumber, stop, expired);
    return { ...part, url: await this.#url(partNumber, signal), renew };
  }

  /** One request at a time: parts that wait for it find what it brought. */
  async #url(partNumber: number, signal: AbortSignal, expired?: URL): Promise<URL> {
    const ask = this.#asking.then(async () => {
      const known = this.#known.get(partNumber);
      if (known !== undefined && known !== expired) return;
      const texts = await this.#more(partNumber, signal);
      // What was given before is as old as what has expired.
      this.#known.clear();
      this.#keep(partNumber, urlsOf(texts));
    });
    this.#asking = ask.catch(() => undefined);
    await ask;
    const url = this.#known.get(partNumber);
    if (url !== undefined) return url;
    throw new Failure('store_unreachable', `${DOING}: the panel gave no place for part ${partNumber}`, {
      facts: { part: partNumber },
      hint: 'Check the S3 settings of the panel.',
      retry: true,
    });
  }

  #keep(from: number, urls: readonly URL[]): void {
    for (const [index, url] of urls.entries()) this.#known.set(from + index, url);
  }
}

/** The first part that fails finally stops the others. */
async function sendAll(
  places: readonly (PartLocation | LazyLocation)[],
  request: UploadRequest & { readonly sideBySide: number },
  signal: AbortSignal,
): Promise<readonly SentPart[]> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const pace = new Pace(request.clock, request.rate, () => throwIfAborted(either, DOING));
  const settings = { keepAlive: true, maxSockets: request.sideBySide };
  const agents = { http: new http.Agent(settings), https: new https.Agent(settings) };
  const waiting = places.values();
  const sent: SentPart[] = [];
  let fault: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (const place of waiting) {
      try {
        const location = 'supply' in place ? await place.supply.location(place, either) : place;
        sent.push(await sendRenewed(location, request, { pace, agents, signal: either }));
      } catch (error) {
        fault ??= { error };
        stop.abort();
        return;
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: request.sideBySide }, work));
  } finally {
    agents.http.destroy();
    agents.https.destroy();
  }
  if (fault !== undefined) throw fault.error;
  return sent.sort((left, right) => left.partNumber - right.partNumber);
}

interface Line {
  readonly pace: Pace;
  readonly agents: { readonly http: http.Agent; readonly https: https.Agent };
  readonly signal: AbortSignal;
}

/** Sends a part, with a new URL when its own has expired in the meantime. */
async function sendRenewed(place: PartLocation, request: UploadRequest, line: Line): Promise<SentPart> {
  let { url } = place;
  for (let renewals = 0; ; renewals++) {
    try {
      return await sendPart({ ...place, url }, request, line);
    } catch (error) {
      const isOver = !(error instanceof NoLongerTaken) || place.renew === undefined || renewals === MOST_RENEWALS;
      if (isOver) throw error;
      url = await place.renew(url, line.signal);
    }
  }
}

async function sendPart(
  place: PartLocation,
  request: UploadRequest,
  { pace, agents, signal }: Line,
): Promise<SentPart> {
  const { source, retry = systemRetry, idleMs = IDLE_MS } = request;
  const { url, partNumber } = place;
  const agent = url.protocol === 'https:' ? agents.https : agents.http;
  let strange: string | undefined;
  let asks = true;
  const attempt = async (): Promise<SentPart> => {
    const answer = await putPart({ ...place, source, agent, pace, asks, idleMs }, signal);
    asks &&= answer.status !== 417;
    const etag = requireTaken(answer, place);
    // The same unknown ETag twice for the same bytes: this service does not use MD5 as ETag, so take it.
    if (!answer.isOther || etag === strange) return { partNumber, etag };
    strange = etag;
    throw new Failure('store_unreachable', `${DOING}: ${url.host} took other bytes than were sent`, {
      facts: { host: url.host, part: partNumber },
      hint: 'Something between here and the storage changes bytes.',
      retry: true,
    });
  };
  try {
    return await retried(attempt, { port: retry, patience: 'long', signal });
  } catch (error) {
    throwIfAborted(signal, DOING);
    throw error instanceof NoLongerTaken ? error : explain(error, place);
  }
}

/** In addition to 5xx: timeout, refused `Expect`, too many requests. */
const AGAIN: ReadonlySet<number> = new Set([408, 417, 429]);
/** Responses after which these URLs will not work again; AWS sends some with status 400. */
const EXPIRED_STATUS: ReadonlySet<number> = new Set([401, 403, 404]);
const EXPIRED_CODES: ReadonlySet<string> = new Set(['ExpiredToken', 'NoSuchUpload', 'RequestExpired', 'AccessDenied']);

/** The service takes no more parts at these URLs. */
class NoLongerTaken extends Error {
  readonly #answer: PartAnswer;
  readonly #place: PartLocation;

  constructor(answer: PartAnswer, place: PartLocation) {
    super('the URLs are not good any more');
    this.#answer = answer;
    this.#place = place;
  }

  /** @param lived how long the last URLs were in use, in ms. */
  explain(lived: number): Failure {
    const { status, code } = this.#answer;
    const { url, partNumber } = this.#place;
    const minutes = Math.round(lived / 60_000);
    return new Failure(
      'store_unreachable',
      `${DOING}: ${url.host} refused part ${partNumber} (${answerText(status, code)})`,
      {
        facts: { host: url.host, part: partNumber, status, code, minutes },
        hint:
          minutes >= 1
            ? 'The panel’s URLs expired before all parts were there: let them live longer (BACKUP_PRESIGNED_URL_LIFESPAN), or raise backups.upload_limit.'
            : 'Check the S3 credentials of the panel, and the clocks of the panel and of the storage.',
        retry: true,
      },
    );
  }
}

function requireTaken(answer: PartAnswer, place: PartLocation): string {
  const { status, code, etag, isWhole } = answer;
  if (status === 200 && isWhole && etag !== undefined && etag !== '') return etag;
  if (EXPIRED_STATUS.has(status) || EXPIRED_CODES.has(code)) throw new NoLongerTaken(answer, place);
  const { url, partNumber } = place;
  const facts = { host: url.host, part: partNumber, status, code };
  if (status === 200 && !isWhole) {
    throw new Failure(
      'store_unreachable',
      `${DOING}: ${url.host} said that it has part ${partNumber} before all of it was sent`,
      { facts, hint: 'Something between here and the storage answers in its place.', retry: true },
    );
  }
  if (status === 200) {
    throw new Failure('store_unreachable', `${DOING}: ${url.host} gave part ${partNumber} no ETag`, {
      facts,
      hint: 'Without it the panel cannot complete the upload. A proxy in front of the storage may take it away.',
    });
  }
  throw new Failure(
    'store_unreachable',
    `${DOING}: ${url.host} answered part ${partNumber} with ${answerText(status, code)}`,
    {
      facts,
      hint: 'The answer is the storage’s own; its documentation says what the code means.',
      retry: status >= 500 || AGAIN.has(status) || code === 'RequestTimeout',
    },
  );
}

function answerText(status: number, code: string): string {
  return code === '' ? `${status}` : `${status} ${code}`;
}

/** The system's message, which never contains the signed URL. */
function explain(error: unknown, { url, partNumber }: PartLocation): Failure {
  if (error instanceof Failure) return error;
  const { code, message } = faultOf(error);
  const state = printableText(code === '' ? message : `${code}: ${message}`);
  return new Failure('store_unreachable', `${DOING}: ${url.host} failed (${state})`, {
    cause: error,
    facts: { host: url.host, part: partNumber, code },
    hint: 'Check that the panel’s storage can be reached from here.',
    retry: isTransient(error),
  });
}
