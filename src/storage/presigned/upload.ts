/**
 * Puts an archive into somebody else's bucket, by presigned URLs of the parts of a multipart upload. Promises: all parts
 * but the last are of the size that was asked for; the parts that are told are of one upload, the last that was begun;
 * memory stays flat, however large a part is. It neither completes nor aborts an upload: whoever gave out the URLs does.
 *
 *   1 begin      URLs for a size; each call begins a new upload, and what went to an earlier one is lost
 *   2 parts      a few at a time; a cut, 5xx, 408 or 429 is tried again, from the part's own beginning
 *   3 expired    403 (or an upload that is gone): back to 1, and every part again
 *
 * Killed at any point, nothing of it is left here; the next run begins at 1.
 */
import http from 'node:http';
import https from 'node:https';
import type { Clock } from '../../base/clock.ts';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import { printableText } from '../../base/paths.ts';
import { Pace } from '../../base/rates.ts';
import type { ByteSource } from '../../base/source.ts';
import { faultOf, isTransient } from '../s3/failure.ts';
import { type RetryPort, systemRetry } from '../../base/retry.ts';
import { retried } from '../s3/retry.ts';
import { type PartAnswer, putPart } from './part.ts';

const DOING = 'Cannot upload the archive';
/** Parts under way: more than one, so that an answer is not waited for with the line idle. */
const SIDE_BY_SIDE = 4;
/** One set of URLs lives for an hour; who needs more than these needs another rate, not another try. */
const MOST_BEGINNINGS = 3;
const IDLE_MS = 60_000;
const WEB: ReadonlySet<string> = new Set(['http:', 'https:']);

export interface PartPlaces {
  /** URLs, part by part. */
  readonly parts: readonly string[];
  /** Bytes of all parts but the last. */
  readonly partSize: number;
}

export interface UploadRequest {
  /** Read by several at a time; stays the caller's to close. */
  readonly source: ByteSource;
  /** Begins a new upload of that size. What it throws ends this one. */
  readonly begin: (size: number, signal: AbortSignal) => Promise<PartPlaces>;
  /** Bytes per second of all parts together, asked for again and again; 0 for no limit. */
  readonly rate: () => number;
  readonly clock: Clock;
  readonly retry?: RetryPort;
  /** Milliseconds without any movement after which a connection is given up. */
  readonly idleMs?: number;
}

/** A part as the service took it. */
export interface SentPart {
  /** From 1. */
  readonly partNumber: number;
  /** The ETag header as it came, quotes included. */
  readonly etag: string;
}

/**
 * @returns all parts, in order, of the upload that was begun last.
 * @throws Failure `store_unreachable`, whose `retry` says whether it may pass; `archive_damaged` of the source;
 *   `cancelled`. No request is under way any more then.
 */
export async function uploadParts(request: UploadRequest, signal: AbortSignal): Promise<readonly SentPart[]> {
  const { source, begin, clock } = request;
  for (let beginning = 1; ; beginning++) {
    const places = readPlaces(await begin(source.size, signal), source.size);
    const started = clock.monotonic();
    try {
      return await sendAll(places, request, signal);
    } catch (error) {
      throwIfAborted(signal, DOING);
      if (!(error instanceof NoLongerTaken)) throw error;
      if (beginning === MOST_BEGINNINGS) throw error.explain(clock.monotonic() - started);
    }
  }
}

interface PartLocation {
  readonly url: URL;
  readonly partNumber: number;
  readonly offset: number;
  readonly length: number;
}

/** @throws Failure when the URLs do not fit the archive: a panel that counts differently would complete a torn object. */
function readPlaces({ parts, partSize }: PartPlaces, size: number): readonly PartLocation[] {
  const isWhole = Number.isSafeInteger(partSize) && partSize > 0 && parts.length === Math.ceil(size / partSize);
  const urls = parts.flatMap((text) => URL.parse(text) ?? []).filter(({ protocol }) => WEB.has(protocol));
  if (!isWhole || urls.length !== parts.length) {
    throw new Failure('store_unreachable', `${DOING}: what the panel gave are no places for its parts`, {
      facts: { parts: parts.length, partSize, size },
      hint: 'Check the S3 settings of the panel.',
      retry: true,
    });
  }
  return urls.map((url, index) => {
    const offset = index * partSize;
    return { url, partNumber: index + 1, offset, length: Math.min(partSize, size - offset) };
  });
}

/** The first part that fails for good stops the others. */
async function sendAll(
  places: readonly PartLocation[],
  request: UploadRequest,
  signal: AbortSignal,
): Promise<readonly SentPart[]> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const pace = new Pace(request.clock, request.rate, () => throwIfAborted(either, DOING));
  const settings = { keepAlive: true, maxSockets: SIDE_BY_SIDE };
  const agents = { http: new http.Agent(settings), https: new https.Agent(settings) };
  const waiting = places.values();
  const sent: SentPart[] = [];
  let fault: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (const place of waiting) {
      try {
        sent.push(await sendPart(place, request, { pace, agents, signal: either }));
      } catch (error) {
        fault ??= { error };
        stop.abort();
        return;
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
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
    // The same unknown tag for the same bytes, twice: the service has its own kind of tags.
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

/** Besides 5xx: too slow, too many, and a proxy that does not want to be asked first. */
const AGAIN: ReadonlySet<number> = new Set([408, 417, 429]);
/** Answers that mean that these URLs will never be good again; AWS tells some with a 400. */
const EXPIRED_STATUS: ReadonlySet<number> = new Set([401, 403, 404]);
const EXPIRED_CODES: ReadonlySet<string> = new Set(['ExpiredToken', 'NoSuchUpload', 'RequestExpired', 'AccessDenied']);

/** The service does not take parts at these URLs any more. */
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
      `${DOING}: ${url.host} refused part ${partNumber} (${told(status, code)})`,
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
  const { status, code, etag } = answer;
  if (status === 200 && etag !== undefined && etag !== '') return etag;
  if (EXPIRED_STATUS.has(status) || EXPIRED_CODES.has(code)) throw new NoLongerTaken(answer, place);
  const { url, partNumber } = place;
  const facts = { host: url.host, part: partNumber, status, code };
  if (status === 200) {
    throw new Failure('store_unreachable', `${DOING}: ${url.host} gave part ${partNumber} no ETag`, {
      facts,
      hint: 'Without it the panel cannot complete the upload. A proxy in front of the storage may take it away.',
    });
  }
  throw new Failure(
    'store_unreachable',
    `${DOING}: ${url.host} answered part ${partNumber} with ${told(status, code)}`,
    {
      facts,
      hint: 'The answer is the storage’s own; its documentation says what the code means.',
      retry: status >= 500 || AGAIN.has(status) || code === 'RequestTimeout',
    },
  );
}

function told(status: number, code: string): string {
  return code === '' ? `${status}` : `${status} ${code}`;
}

/** The system's own words; the URL, which is signed, is in none of them. */
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
