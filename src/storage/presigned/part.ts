/**
 * Sends one part of a multipart upload to a presigned URL. Each attempt reads the part's bytes from the source again.
 *
 * It asks the service first whether it wants the bytes (`Expect: 100-continue`), so that an expired URL is refused
 * before gigabytes are sent and the refusal is not lost with the connection. If the service does not reply, bytes are
 * sent.
 */
import { createHash } from 'node:crypto';
import http, { type Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { throwIfAborted } from '../../base/failure.ts';
import type { Pace } from '../../base/rates.ts';
import type { ByteSource } from '../../base/source.ts';
import { isOtherEtag } from '../s3/body.ts';
import { connectionError } from '../s3/failure.ts';

/** Bytes in memory at once; small, so that a slow rate flows evenly. */
const PIECE = 128 * 1024;
/** As long as curl waits for a service to accept the body. */
const CONTINUE_MS = 1000;
const MAX_ERROR = 4096;

export interface PartUpload {
  readonly url: URL;
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
  readonly agent: Agent;
  readonly pace: Pace;
  /** Sends `Expect: 100-continue` and waits before the body; some proxies refuse that (417). */
  readonly asks: boolean;
  /** The longest wait for bytes to be sent, and after the last one for the response. */
  readonly idleMs: number;
}

export interface PartAnswer {
  readonly status: number;
  /** The service's code (`SlowDown`), or ''. */
  readonly code: string;
  /** As sent, including quotes; undefined when there was none. */
  readonly etag: string | undefined;
  /** False when the answer came before the last byte was sent. */
  readonly isWhole: boolean;
  /** True when the ETag is certainly of other bytes than were sent. */
  readonly isOther: boolean;
}

/**
 * Makes one attempt and resolves with any response of the service.
 *
 * @throws the system error of the connection, a Failure of the source, `cancelled` on abort; the request has then
 *   ended.
 */
export async function putPart(part: PartUpload, signal: AbortSignal): Promise<PartAnswer> {
  throwIfAborted(signal, 'Cannot upload the archive');
  const exchange = new Exchange(part);
  const onAbort = (): void => exchange.destroy(new Error('it was cancelled'));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const md5 = await exchange.send(signal);
    return await exchange.answer(md5);
  } catch (error) {
    throwIfAborted(signal, 'Cannot upload the archive');
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    exchange.leave();
  }
}

class Exchange {
  readonly #part: PartUpload;
  readonly #request: ClientRequest;
  /** The response, which may come before the last byte is sent. Rejects with the connection. */
  readonly #answered: Promise<IncomingMessage>;
  #hasAnswer = false;
  #isWhole = false;

  constructor(part: PartUpload) {
    this.#part = part;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const { url, agent, length, asks } = part;
    this.#request = (url.protocol === 'https:' ? https : http).request(url, {
      method: 'PUT',
      agent,
      // S3 takes no body of unknown length. The URL signs neither header, so both may be set.
      headers: {
        'Content-Length': length,
        'Content-Type': 'application/x-gzip',
        ...(asks ? { Expect: '100-continue' } : {}),
      },
    });
    this.#request.once('response', (response) => {
      this.#hasAnswer = true;
      response.on('error', () => undefined);
      resolve(response);
    });
    this.#request.on('error', reject);
    this.#request.once('close', () => reject(connectionError('the connection was closed', 'ECONNRESET')));
    this.#answered = promise;
    promise.catch(() => undefined);
  }

  /**
   * Sends the part, or as much of it as the service wants. Returns the MD5 of the whole part, null if not all was sent.
   */
  async send(signal: AbortSignal): Promise<string | null> {
    const { source, offset, length, pace } = this.#part;
    if (this.#part.asks) await this.#isWanted();
    const md5 = createHash('md5');
    for (let done = 0; done < length && !this.#hasAnswer;) {
      const piece = await source.read(offset + done, Math.min(PIECE, length - done), signal);
      await pace.take(piece.byteLength);
      throwIfAborted(signal, 'Cannot upload the archive');
      md5.update(piece);
      await this.#write(piece);
      done += piece.byteLength;
      this.#isWhole = done === length;
    }
    if (!this.#isWhole) return null;
    this.#request.end();
    return md5.digest('hex');
  }

  /** The service's response. Its status counts even when its body does not end. */
  answer(md5: string | null): Promise<PartAnswer> {
    return this.#inTime(this.#answered.then((response) => readAnswer(response, md5)));
  }

  destroy(reason: Error): void {
    this.#request.destroy(reason);
  }

  /** A connection is reused only when nothing of this part is left on it. */
  leave(): void {
    if (!this.#isWhole || !this.#hasAnswer) this.#request.destroy();
  }

  async #isWanted(): Promise<void> {
    const decided = Promise.withResolvers<void>();
    this.#request.once('continue', decided.resolve);
    const timer = { at: undefined as NodeJS.Timeout | undefined };
    // Start waiting when connected: connecting has its own limit.
    this.#request.once('socket', (socket) => {
      const begin = (): void => void (timer.at = setTimeout(decided.resolve, CONTINUE_MS));
      if (socket.connecting) socket.once('connect', begin);
      else begin();
    });
    this.#request.flushHeaders();
    try {
      await this.#inTime(Promise.race([decided.promise, this.#answered]));
    } finally {
      clearTimeout(timer.at);
    }
  }

  async #write(piece: Uint8Array): Promise<void> {
    const written = new Promise<void>((resolve) => {
      // The request itself reports an error here, or the service has already responded.
      this.#request.write(piece, (error) => {
        if (error === null || error === undefined) resolve();
      });
    });
    await this.#inTime(Promise.race([written, this.#answered]));
  }

  async #inTime<Result>(waiting: Promise<Result>): Promise<Result> {
    const timer = setTimeout(() => {
      this.#request.destroy(connectionError('nothing moved any more', 'ETIMEDOUT'));
    }, this.#part.idleMs);
    try {
      return await waiting;
    } finally {
      clearTimeout(timer);
    }
  }
}

async function readAnswer(response: IncomingMessage, md5: string | null): Promise<PartAnswer> {
  const { statusCode: status = 0, headers } = response;
  const { etag } = headers;
  let text = '';
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (text.length < MAX_ERROR) text += chunk.toString('latin1', 0, MAX_ERROR);
    }
  } catch {
    // A service that refuses a body often cuts the connection, but the status has arrived.
  }
  const [, code = ''] = /<Code>\s*(\w{1,100})\s*<\/Code>/.exec(text) ?? [];
  const isOther = md5 !== null && isOtherEtag(etag, md5, headers['x-amz-server-side-encryption']);
  return { status, code, etag, isWhole: md5 !== null, isOther };
}
