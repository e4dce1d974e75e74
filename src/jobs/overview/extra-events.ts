/**
 * Events that only those hear who ask for them: clients from before take the start for the first event of a backup, and
 * each event for one of a server. Stores are looked at while a client follows them, once a minute.
 */
import type { Timers } from '../../base/timers.ts';
import type { Config } from '../../config/types.ts';
import type { ExtraEvent, ExtraEvents, StoreState } from '../node-contract.ts';
import type { JobRunner } from '../runner/runner.ts';
import type { StoreSet } from '../stored/stores.ts';
import { viewStore } from '../views.ts';

export interface ExtraEventDeps {
  readonly runner: Pick<JobRunner, 'watchQueue'>;
  readonly stores: StoreSet;
  readonly config: Pick<Config, 'limits'>;
  readonly timers: Timers;
}

const LOOK_EVERY_MS = 60_000;

type Listener = (event: ExtraEvent) => void;

export class ExtraEventSource {
  readonly #deps: ExtraEventDeps;
  readonly #listeners: Readonly<Record<ExtraEvents, Set<Listener>>> = { queue: new Set(), stores: new Set() };
  /** The last known states by the stores' names; empty while no client follows. */
  readonly #states = new Map<string, StoreState>();
  #cancelTimer: (() => void) | undefined;

  constructor(deps: ExtraEventDeps) {
    this.#deps = deps;
    deps.runner.watchQueue(({ id, kind, server, backup }) => {
      for (const listener of this.#listeners.queue) {
        listener({ type: 'job.queued', server, backup, job: id, data: { kind } });
      }
    });
  }

  follow(which: ExtraEvents, listener: Listener): () => void {
    // Wrapped, so that one function that follows twice ends once.
    const own: Listener = (event) => listener(event);
    this.#listeners[which].add(own);
    if (which === 'stores' && this.#cancelTimer === undefined) this.#begin();
    return () => {
      this.#listeners[which].delete(own);
      if (this.#listeners.stores.size === 0) this.#end();
    };
  }

  #begin(): void {
    this.#cancelTimer = () => undefined;
    void this.#look();
  }

  #end(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#states.clear();
  }

  async #look(): Promise<void> {
    const timer = this.#cancelTimer;
    const views = await Promise.all(this.#deps.stores.all().map(viewStore));
    // Everybody has left meanwhile, or others follow by now with a look of their own.
    if (timer === undefined || this.#cancelTimer !== timer) return;
    for (const { name: store, freeBytes, error } of views) {
      const { reserveFree } = this.#deps.config.limits;
      const state = error !== null ? 'away' : freeBytes !== null && freeBytes < reserveFree ? 'full' : 'up';
      const before = this.#states.get(store);
      this.#states.set(store, state);
      if (before === undefined || before === state) continue;
      const data = { store, state, freeBytes, ...(error === null ? {} : { reason: error }) } as const;
      for (const listener of this.#listeners.stores) listener({ type: 'store.changed', data });
    }
    this.#cancelTimer = this.#deps.timers.after(LOOK_EVERY_MS, () => void this.#look());
  }
}
