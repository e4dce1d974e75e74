import type { ServerResponse } from 'node:http';
import type { Log } from '../../base/log.ts';
import type { Timers } from '../../base/timers.ts';
import type { AppContext } from '../../protocols/dialect.ts';
import { handOver, isClientGone } from './hand-over.ts';

/** Bytes in order, for one answer. */
export interface BytePieces {
  /**
   * The next piece, undefined after the last; called again only when the one before has settled. Must reject promptly
   * once `signal` aborts.
   */
  next(signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** A piece that nobody looks at any more: its memory may be used again. Not called for all of them. */
  release(piece: Uint8Array): void;
  /** Called once, after the last `next` has settled; pieces may be released after it. */
  close(): Promise<void>;
}

/**
 * A client that has not taken a piece for so long is gone, or means to hold files and memory for ever. One that was
 * paused goes on with a range.
 */
const STALLED_MS = 30 * 60_000;

export interface BodyDeps {
  readonly log: Log;
  readonly timers: Timers;
}

/**
 * The pieces as a response body that is read at the client's speed. Over a connection it is never read: whoever writes
 * the answer calls what is left in `c.env.sending`, which knows when the socket has taken a piece. The first piece is
 * read before this returns, so that a store that is down is a clean error and not a broken download.
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

/** For callers without a connection. */
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

/** Writes all pieces, the next one read while the socket takes the one before, and breaks off when it stands still. */
async function send(
  reading: Reading,
  outgoing: ServerResponse,
  timers: Timers,
  warn: (error: unknown) => void,
): Promise<void> {
  const patience = { timers, stalledMs: STALLED_MS, signal: reading.signal };
  let taken = Promise.resolve();
  /** The next piece; at once the reason when the client does not take the one before. */
  const next = (): Promise<Uint8Array | undefined> => {
    const piece = reading.next();
    return Promise.race([piece, taken.then(() => piece)]);
  };
  try {
    for (let piece = await next(); piece !== undefined; piece = await next()) {
      await taken;
      taken = handOver(outgoing, piece, patience, reading.release);
    }
    // Closed as early as it can be: whoever has the last byte may ask for the archive to be removed.
    const closed = reading.close();
    await taken;
    await closed;
    outgoing.end();
  } catch (error) {
    // A client that hangs up is no news.
    if (!reading.stopped && !isClientGone(error)) warn(error);
    void reading.close();
    // What was read before is true, and may arrive.
    await taken.catch(() => undefined);
    // The headers are out: the only honest word left is a connection that ends before its Content-Length.
    outgoing.destroy();
    await reading.stop();
  }
}

/** One pass over pieces that may be stopped at any time, and closes them exactly once, after the last read ended. */
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

  /** Aborted once somebody asked for the end. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** True once somebody asked for the end: what a read says after that is nobody's concern. */
  get stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  stop(): Promise<void> {
    this.#abort.abort();
    return this.close();
  }

  /** After the last piece: what was read may still be under way to the client. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#current?.catch(() => undefined);
    // The client has its bytes or is gone: that closing failed is the operator's to know, not an error of the answer.
    await this.#pieces.close().catch((error: unknown) => this.#log.warn('Cannot close a download', { error }));
  }
}
