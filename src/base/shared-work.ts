/**
 * Expensive looks that several callers want at once: the same look is done once for all who ask for it while it waits or
 * runs, one at a time of each group (a server, an archive), and so many in all. A look whose callers have all gone ends.
 */
import { asFailure, throwIfAborted, unlessAborted } from './failure.ts';

interface Shared<Result> {
  readonly group: string;
  readonly result: Promise<Result>;
  readonly stop: AbortController;
  readonly begin: () => Promise<void>;
  callers: number;
}

export class SharedWork<Result> {
  readonly #most: number;
  readonly #open = new Map<string, Shared<Result>>();
  readonly #busy = new Set<string>();
  #waiting: Shared<Result>[] = [];

  /** @param most pieces of work that run at a time. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * @param key what is the same for all who may share a result.
   * @param signal of this caller; `work` gets one that aborts when all callers are gone.
   * @throws what `work` throws; `cancelled` once `signal` aborts.
   */
  async run(
    { group, key }: { readonly group: string; readonly key: string },
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    throwIfAborted(signal, DOING);
    const name = JSON.stringify([group, key]);
    const shared = this.#open.get(name) ?? this.#add(name, group, work);
    shared.callers++;
    try {
      return await unlessAborted(shared.result, signal, DOING);
    } finally {
      shared.callers--;
      if (shared.callers === 0) {
        shared.stop.abort();
        // A later caller must not join what is being stopped.
        if (this.#open.get(name) === shared) this.#open.delete(name);
        this.#waiting = this.#waiting.filter((other) => other !== shared);
      }
    }
  }

  #add(name: string, group: string, work: (signal: AbortSignal) => Promise<Result>): Shared<Result> {
    const stop = new AbortController();
    const { promise: result, resolve, reject } = Promise.withResolvers<Result>();
    result.catch(() => undefined);
    const begin = async (): Promise<void> => {
      try {
        resolve(await work(stop.signal));
      } catch (error) {
        reject(asFailure(error, DOING));
      }
      if (this.#open.get(name) === shared) this.#open.delete(name);
    };
    const shared: Shared<Result> = { group, result, stop, begin, callers: 0 };
    this.#open.set(name, shared);
    this.#waiting.push(shared);
    this.#next();
    return shared;
  }

  #next(): void {
    while (this.#busy.size < this.#most) {
      const next = this.#waiting.find(({ group }) => !this.#busy.has(group));
      if (next === undefined) return;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      this.#busy.add(next.group);
      void next.begin().finally(() => {
        this.#busy.delete(next.group);
        this.#next();
      });
    }
  }
}

const DOING = 'Cannot go on looking';
