/**
 * Publishes events in the order in which they were committed. Listeners are sockets, metrics and the report outbox. A
 * listener that throws or is slow to use an event cannot break or delay a job.
 */
import type { Clock } from '../../base/clock.ts';
import type { EventSource, RoostEvent } from '../contract.ts';
import type { PendingEvent } from './verb.ts';

export class EventHub implements EventSource {
  readonly #clock: Clock;
  readonly #onListenerError: (error: unknown, event: RoostEvent) => void;
  readonly #listeners = new Set<(event: RoostEvent) => void>();
  #lastSeq = 0;

  /** @param onListenerError called with what a listener threw; the other listeners still get the event. */
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

  /** Calls all listeners before it returns. Call it only after the commit of the change that the event describes. */
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
