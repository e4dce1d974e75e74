/**
 * Sends the last part once more, which the service holds already, to see whether its upload is still open.
 *
 * The bytes are the same ones, so an upload that is open keeps what it had, and one that is over refuses them. Where the
 * service encrypts, its ETag for the same bytes may be another one: the one that is returned counts from then on.
 */
import http from 'node:http';
import https from 'node:https';
import type { Clock } from '../../base/clock.ts';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import { Pace } from '../../base/rates.ts';
import type { ByteSource } from '../../base/source.ts';
import { putPart } from './part.ts';

export interface PartAgain {
  readonly url: string;
  /** The whole archive; the caller closes it. */
  readonly source: ByteSource;
  /** From 1. */
  readonly partNumber: number;
  /** Bytes of all parts but the last, as the archive was cut. */
  readonly partSize: number;
  /** Bytes per second; 0 for no limit. */
  readonly rate: () => number;
  readonly clock: Clock;
}

const DOING = 'Cannot see whether the upload of the archive is open';
const IDLE_MS = 60_000;

/**
 * @returns the ETag of the part, quotes included; undefined when the upload is over.
 * @throws Failure `store_unreachable` for any other answer, and when the part is not of this archive; `cancelled`.
 */
export async function sendPartAgain(part: PartAgain, signal: AbortSignal): Promise<string | undefined> {
  const { source, partNumber, partSize, rate, clock } = part;
  const url = URL.parse(part.url);
  const offset = (partNumber - 1) * partSize;
  const length = source.size - offset;
  const isLast = partSize > 0 && partNumber === Math.ceil(source.size / partSize);
  if (url === null || !/^https?:$/.test(url.protocol) || !isLast) {
    throw unclear('the panel gave no place for its last part', { part: partNumber, partSize });
  }
  const agent = url.protocol === 'https:' ? new https.Agent() : new http.Agent();
  const pace = new Pace(clock, rate, () => throwIfAborted(signal, DOING));
  try {
    const place = { url, source, offset, length, agent, pace, asks: true, idleMs: IDLE_MS };
    const { status, code, etag, isWhole, isOther } = await putPart(place, signal);
    if (status === 404 || code === 'NoSuchUpload') return undefined;
    if (status === 200 && etag !== undefined && isWhole && !isOther) return etag;
    throw unclear(`${url.host} answered ${status}`, { host: url.host, part: partNumber, status, code });
  } catch (error) {
    throwIfAborted(signal, DOING);
    throw error instanceof Failure ? error : unclear(`${url.host} does not answer`, { host: url.host }, error);
  } finally {
    agent.destroy();
  }
}

function unclear(state: string, facts: Readonly<Record<string, string | number>>, cause?: unknown): Failure {
  return new Failure('store_unreachable', `${DOING}: ${state}`, { facts, cause, retry: true });
}
