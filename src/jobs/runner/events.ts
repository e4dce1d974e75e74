/**
 * The one place where things that happened are told, in the order in which they were committed. Listeners are
 * sockets, metrics and deliveries; none of them can slow a job down or break it.
 */
import type { Clock } from '../../base/clock.ts';
import type { EventSource, RoostEvent } from '../contract.ts';
import type { PendingEvent } from './verb.ts';

export class EventHub implements EventSource {
  readonly #clock: Clock;
  readonly #onListenerError: (error: unknown, event: RoostEvent) => void;
  readonly #listeners = new Set<(event: RoostEvent) => void>();
  #lastSeq = 0;

  /** @param onListenerError told of what a listener threw; the other listeners still get the event. */
  constructor(clock: Clock, onListenerError: (error: unknown, event: RoostEvent) => void) {
    this.#clock = clock;
    this.#onListenerError = onListenerError;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  subscribe(listener: (event: RoostEvent) => void): () => void {
    // Wrapped, so that one function subscribed twice is called twice and ended one by one.
    const own = (event: RoostEvent): void => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Tells all listeners at once. Only ever called after the commit of what it tells. */
  publish(pending: PendingEvent): void {
    const event: RoostEvent = { ...pending, seq: ++this.#lastSeq, at: this.#clock.now() };
    for (const listener of Array.from(this.#listeners)) {
      try {
        listener(event);
      } catch (error) {
        this.#onListenerError(error, event);
      }
    }
  }
}
