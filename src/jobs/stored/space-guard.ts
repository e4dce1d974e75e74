/**
 * Keeps free space above the operator's reserve while bytes are written: everything on this disk, the games first,
 * breaks when it is full. One guard per store, shared by all who write to it, so that two backups cannot both spend
 * the same megabyte.
 */
import type { Clock } from '../../base/clock.ts';
import type { ByteSink } from '../../base/source.ts';
import { outOfSpace } from '../../policy/limits.ts';
import type { Store } from '../../storage/store.ts';

/** Other programs write to the same disk, so a measurement is used for no longer than this. */
const BELIEVED_MS = 1000;

export class SpaceGuard {
  readonly #store: Pick<Store, 'freeSpace'>;
  /** True when bytes that the base has take no space. */
  readonly #shares: boolean;
  readonly #reserve: () => number;
  readonly #clock: Clock;
  #measuredAt = Number.NEGATIVE_INFINITY;
  /** Bytes above the reserve when last measured, less what was let through since. */
  #left = 0;

  /** @param reserve bytes; asked for with each look at the store, as a reload may change it. */
  constructor(store: Pick<Store, 'freeSpace' | 'sharesBytes'>, reserve: () => number, clock: Clock) {
    this.#store = store;
    this.#shares = store.sharesBytes === true;
    this.#reserve = reserve;
    this.#clock = clock;
  }

  /** @throws Failure `insufficient_storage` when these bytes would take the store below the reserve. */
  async admit(bytes: number): Promise<void> {
    const stale = this.#clock.monotonic() - this.#measuredAt >= BELIEVED_MS;
    if (stale || bytes > this.#left) await this.#measure(bytes);
    if (bytes > this.#left) {
      const reserve = this.#reserve();
      throw outOfSpace('Cannot go on storing the archive', this.#left + reserve, reserve, bytes);
    }
    this.#left -= bytes;
  }

  /** The same sink, asking before each write. */
  guard(sink: ByteSink): ByteSink {
    return {
      write: async (bytes, same) => {
        const shared = this.#shares
          ? (same ?? []).reduce((sum, { length, heals }) => (heals === true ? sum : sum + length), 0)
          : 0;
        await this.admit(bytes.byteLength - shared);
        await sink.write(bytes, same);
      },
    };
  }

  /** @param needed bytes. With room for them nothing is waited for: a game may be kept still meanwhile. */
  async #measure(needed: number): Promise<void> {
    const reserve = this.#reserve();
    const free = await this.#store.freeSpace(reserve + needed);
    this.#left = free === null ? Number.POSITIVE_INFINITY : free.bytes - reserve;
    this.#measuredAt = this.#clock.monotonic();
  }
}
