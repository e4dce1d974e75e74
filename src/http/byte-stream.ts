import type { Log } from '../base/log.ts';
import type { Timers } from '../base/timers.ts';
import type { AppContext } from '../protocols/dialect.ts';

/** Bytes in order, for one answer. */
export interface BytePieces {
  /**
   * The next piece, undefined after the last; called again only when the one before has settled. Must reject promptly
   * once `signal` aborts.
   */
  next(signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Called once, after the last `next` has settled. */
  close(): Promise<void>;
}

/**
 * A client that has not taken a piece for so long is gone, or means to hold files and memory for ever. One that was
 * paused goes on with a range.
 */
const STALLED_MS = 30 * 60_000;

export interface BodySurroundings {
  readonly log: Log;
  readonly timers: Timers;
}

/**
 * The pieces as a response body that is pulled at the client's speed, and broken off when it stands still. The first
 * piece is read before this returns, so that a store that is down is a clean error and not a broken download.
 *
 * @throws what the first `next` threw; the pieces are closed then.
 */
export async function bodyOf(
  c: AppContext,
  pieces: BytePieces,
  { log, timers }: BodySurroundings,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const reading = new Reading(pieces, log);
  const hungUp = c.req.raw.signal;
  const stop = (): void => void reading.stop();
  hungUp.addEventListener('abort', stop, { once: true });
  if (hungUp.aborted) stop();
  let first: Uint8Array | undefined;
  try {
    first = await reading.next();
  } catch (error) {
    await reading.stop();
    throw error;
  }
  const offer = (controller: ReadableStreamDefaultController, piece: Uint8Array): void => {
    const drop = (): void => {
      void reading.stop();
      breakOff(c, controller, new Error('the client takes nothing any more'), log);
    };
    reading.untilTaken(timers.after(STALLED_MS, drop));
    controller.enqueue(piece);
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      if (first !== undefined) offer(controller, first);
    },
    async pull(controller) {
      try {
        const piece = await reading.next();
        if (reading.stopped) return;
        if (piece !== undefined) return offer(controller, piece);
        await reading.stop();
        controller.close();
      } catch (error) {
        if (reading.stopped) return;
        await reading.stop();
        breakOff(c, controller, error, log);
      }
    },
    cancel: () => reading.stop(),
  });
}

/** One pass over pieces that may be stopped at any time, and closes them exactly once, after the last read ended. */
class Reading {
  readonly #pieces: BytePieces;
  readonly #log: Log;
  readonly #abort = new AbortController();
  #current: Promise<Uint8Array | undefined> | undefined;
  #closed: Promise<void> | undefined;
  #taken: () => void = () => undefined;

  constructor(pieces: BytePieces, log: Log) {
    this.#pieces = pieces;
    this.#log = log;
  }

  async next(): Promise<Uint8Array | undefined> {
    this.#taken();
    this.#abort.signal.throwIfAborted();
    this.#current = this.#pieces.next(this.#abort.signal);
    return this.#current;
  }

  /** `taken` is called when the piece that was just offered has been taken, or nobody wants it any more. */
  untilTaken(taken: () => void): void {
    this.#taken = taken;
  }

  /** True once somebody asked for the end: what a read says after that is nobody's concern. */
  get stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  stop(): Promise<void> {
    this.#taken();
    this.#abort.abort();
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#current?.catch(() => undefined);
    // The client has its bytes or is gone: that closing failed is the operator's to know, not an error of the answer.
    await this.#pieces.close().catch((error: unknown) => this.#log.warn('Cannot close a download', { error }));
  }
}

// The headers are out: the only honest word left is a connection that ends before its Content-Length. Erroring the
// stream instead would make @hono/node-server write the error's text after the archive's bytes.
function breakOff(c: AppContext, controller: ReadableStreamDefaultController, error: unknown, log: Log): void {
  const outgoing = c.env?.outgoing;
  log.warn('Download broken off', { requestId: c.get('requestId'), error });
  if (outgoing === undefined) controller.error(error);
  else outgoing.destroy();
}
