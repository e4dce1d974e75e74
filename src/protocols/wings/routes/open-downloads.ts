/**
 * Bounds the connections of one download. Each holds a file, a socket and up to two mebibytes for as long as its reader
 * likes, so one link must not hold them all.
 */
import { type ByteSource, readInto } from '../../../base/source.ts';

/** aria2's own limit for one server. */
const MOST_CONNECTIONS = 16;

export class OpenDownloads {
  readonly #open = new Map<string, number>();

  /** @returns what releases the connection, safe to call twice; undefined when the link has too many. */
  enter(link: string): (() => void) | undefined {
    const before = this.#open.get(link) ?? 0;
    if (before >= MOST_CONNECTIONS) return undefined;
    this.#open.set(link, before + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const others = (this.#open.get(link) ?? 1) - 1;
      if (others === 0) this.#open.delete(link);
      else this.#open.set(link, others);
    };
  }
}

/** The same bytes; `leave` is called when the source closes. */
export function leftWhenClosed(source: ByteSource, leave: () => void): ByteSource {
  return {
    size: source.size,
    read: (offset, length, signal) => source.read(offset, length, signal),
    readInto: (offset, into, signal) => readInto(source, offset, into, signal),
    async close() {
      leave();
      await source.close();
    },
  };
}
