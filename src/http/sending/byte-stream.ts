import type { ServerResponse } from 'node:http';
import type { Log } from '../../base/log/log.ts';
import type { Timers } from '../../base/timers.ts';
import type { AppContext } from '../../protocols/dialect.ts';
import { handOver, isClientGone } from './hand-over.ts';

/** Bytes in order, for one answer. */
export interface BytePieces {
  /** The next piece, undefined after the last. Never called concurrently. Must reject promptly once `signal` aborts. */
  next(signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** The piece's memory may be used again. Not called for all pieces. */
  release(piece: Uint8Array): void;
  /** Called once, after the last `next` has settled; pieces may still be released after it. */
  close(): Promise<void>;
}

/**
 * A client that takes no piece for this long is dropped, since it holds files and memory. A paused one continues with a
 * range.
 */
const STALLED_MS = 30 * 60_000;

export interface BodyDeps {
  readonly log: Log;
  readonly timers: Timers;
}

/**
 * The pieces as a response body, read at the client's speed. With a connection the body is never read: `c.env.sending`
 * writes the pieces and knows when the socket has taken one. The first piece is read before this returns, so that an
 * unavailable store is an ordinary error answer.
 *
 * @throws what the first `next` threw; the pieces are closed then.
 */
export async function bodyOf(c: AppContext, pieces: BytePieces, deps: BodyDeps): Promise<ReadableStream<Uint8Array>> {
  const reading = new Reading(pieces, deps.log);
  const hungUp = c.req.raw.signal;
  const stop = (): void => void reading.stop();
  hungUp.addEventListener('abort', stop, { once: true });
  if (hungUp.aborted) stop();
  try {
    await reading.readFirst();
  } catch (error) {
    await reading.stop();
    throw error;
  }
  const body = streamOf(reading);
  const warn = (error: unknown): void => deps.log.warn('Download broken off', { requestId: c.get('requestId'), error });
  if (c.env?.outgoing !== undefined) {
    c.env.sending = { body, send: (outgoing) => send(reading, outgoing, deps.timers, warn), drop: stop };
  }
  return body;
}

function streamOf(reading: Reading): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const piece = await reading.next();
          if (piece !== undefined) return controller.enqueue(piece);
          await reading.stop();
          controller.close();
        } catch (error) {
          await reading.stop();
          controller.error(error);
        }
      },
      cancel: () => reading.stop(),
    },
    { highWaterMark: 0 },
  );
}

/** Writes all pieces, reading the next while the socket takes the one before; aborts when the client stalls. */
async function send(
  reading: Reading,
  outgoing: ServerResponse,
  timers: Timers,
  warn: (error: unknown) => void,
): Promise<void> {
  const patience = { timers, stalledMs: STALLED_MS, signal: reading.signal };
  let taken = Promise.resolve();
  /** The next piece; rejects at once when the piece before cannot be sent. */
  const next = (): Promise<Uint8Array | undefined> => {
    const piece = reading.next();
    return Promise.race([piece, taken.then(() => piece)]);
  };
  try {
    for (let piece = await next(); piece !== undefined; piece = await next()) {
      await taken;
      taken = handOver(outgoing, piece, patience, reading.release);
    }
    // Closed before the last byte arrives: the client may delete the archive right after it.
    const closed = reading.close();
    await taken;
    await closed;
    outgoing.end();
  } catch (error) {
    // A client that hangs up is not logged.
    if (!reading.stopped && !isClientGone(error)) warn(error);
    void reading.close();
    // Pieces read before the error are correct, and may arrive.
    await taken.catch(() => undefined);
    // Headers are already sent, so signal the error by closing before Content-Length bytes.
    outgoing.destroy();
    await reading.stop();
  }
}

/** One pass over the pieces. It may be stopped at any time, and closes them once, after the last read ended. */
class Reading {
  readonly #pieces: BytePieces;
  readonly #log: Log;
  readonly #abort = new AbortController();
  #first: Uint8Array | undefined;
  #current: Promise<Uint8Array | undefined> | undefined;
  #closed: Promise<void> | undefined;

  constructor(pieces: BytePieces, log: Log) {
    this.#pieces = pieces;
    this.#log = log;
  }

  async readFirst(): Promise<void> {
    this.#first = await this.next();
  }

  async next(): Promise<Uint8Array | undefined> {
    this.#abort.signal.throwIfAborted();
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) return first;
    this.#current = this.#pieces.next(this.#abort.signal);
    return this.#current;
  }

  readonly release = (piece: Uint8Array): void => this.#pieces.release(piece);

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** True after `stop`: errors of a read do not matter then. */
  get stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  stop(): Promise<void> {
    this.#abort.abort();
    return this.close();
  }

  /** Closes after the last piece, which may still be on its way to the client. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#current?.catch(() => undefined);
    // The client has its bytes or is gone, so a failed close is only logged.
    await this.#pieces.close().catch((error: unknown) => this.#log.warn('Cannot close a download', { error }));
  }
}
