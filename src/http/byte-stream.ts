import type { Log } from '../base/log.ts';
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
 * The pieces as a response body that is pulled at the client's speed. The first piece is read before this returns, so
 * that a store that is down is a clean error and not a broken download.
 *
 * @throws what the first `next` threw; the pieces are closed then.
 */
export async function bodyOf(
  c: AppContext,
  pieces: BytePieces,
  log: Log,
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
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      if (first !== undefined) controller.enqueue(first as Uint8Array<ArrayBuffer>);
    },
    async pull(controller) {
      try {
        const piece = await reading.next();
        if (reading.stopped) return;
        if (piece !== undefined) return controller.enqueue(piece as Uint8Array<ArrayBuffer>);
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

  constructor(pieces: BytePieces, log: Log) {
    this.#pieces = pieces;
    this.#log = log;
  }

  async next(): Promise<Uint8Array | undefined> {
    this.#abort.signal.throwIfAborted();
    this.#current = this.#pieces.next(this.#abort.signal);
    return this.#current;
  }

  /** True once somebody asked for the end: what a read says after that is nobody's concern. */
  get stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  stop(): Promise<void> {
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
