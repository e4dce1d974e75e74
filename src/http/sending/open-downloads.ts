/**
 * Counts open downloads over all dialects, and bounds them: each holds a file, a connection and up to two pieces of memory
 * as long as its client takes. A download counts until its answer was read or its connection is gone.
 */
import type { Socket } from 'node:net';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { AppContext, DownloadPlace } from '../../protocols/dialect.ts';
import { Slots } from '../../protocols/slots.ts';

/** Of one link: as many as download programs open (aria2 allows no more to one server). */
const MOST_OF_LINK = 16;
/** Of one token, or of the links of one server. */
const MOST_OF_HOLDER = 64;
const MOST = 512;
/** For the large pieces of all downloads together; without a share a download goes on in small ones. */
const LARGE_PIECES = 64 * MEBIBYTE;

export class OpenDownloads {
  readonly #links = new Slots();
  readonly #holders = new Slots(MOST);
  readonly #endings = new WeakMap<Socket, Set<() => void>>();
  #largeBytes = 0;

  /** @returns a function that ends the count, safe to call twice; undefined when too many are open. */
  admit(c: AppContext, { link, holder }: DownloadPlace): (() => void) | undefined {
    const ofLink = link === undefined ? () => undefined : this.#links.take(link, MOST_OF_LINK);
    const ofHolder = ofLink === undefined ? undefined : this.#holders.take(holder, MOST_OF_HOLDER);
    if (ofLink === undefined || ofHolder === undefined) {
      ofLink?.();
      return undefined;
    }
    const leave = (): void => {
      ofLink();
      ofHolder();
    };
    this.#leaveWithAnswer(c, leave);
    return leave;
  }

  /** Takes memory for large pieces, if so much is left; the returned function gives it back. */
  takeLarge(bytes: number): (() => void) | undefined {
    if (this.#largeBytes + bytes > LARGE_PIECES) return undefined;
    this.#largeBytes += bytes;
    let held = true;
    return () => {
      if (held) this.#largeBytes -= bytes;
      held = false;
    };
  }

  /** Ends the count with the answer or its socket: an answer queued behind others gets no `close` when the socket ends. */
  #leaveWithAnswer(c: AppContext, leave: () => void): void {
    const { outgoing, incoming } = c.env ?? {};
    if (outgoing === undefined || incoming === undefined) return;
    const { socket } = incoming;
    const endings = this.#endings.get(socket) ?? new Set();
    if (!this.#endings.has(socket)) {
      this.#endings.set(socket, endings);
      socket.once('close', () => endings.forEach((end) => end()));
    }
    endings.add(leave);
    outgoing.once('close', () => {
      leave();
      endings.delete(leave);
    });
  }
}
