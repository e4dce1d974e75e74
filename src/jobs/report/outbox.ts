/**
 * For: sending the reports that a panel is owed. They wait here and not in jobs, because a panel may be away for days.
 *
 * Promises: each report is retried until it arrives or is parked, also over restarts and crashes; the reports of one
 * backup go out in the order of their jobs; a report that fails delays no other backup's; no more than a step's bound
 * run at once. Never: touches an archive, or removes one because a panel is away.
 *
 *   1 the row, in the transaction that ends the job (job-end.ts)   a crash after: the next start goes on
 *   2 the step (a request to the panel, an upload)                 a crash in or after it: it is done again
 *   3 the row is advanced to the next step, or removed
 *
 * So a step may run twice, and what it does must bear that: the panel answers a second report with "already completed".
 */
import { backOff } from '../../base/retry.ts';
import type { Clock } from '../../base/clock.ts';
import { asFailure, type Failure } from '../../base/failure.ts';
import type { Log } from '../../base/log/log.ts';
import { pause, type Timers } from '../../base/timers.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { DeliveryData, DeliveryRecord } from '../../catalogue/records.ts';
import type { EventSource, EventType } from '../contract.ts';
import { REPORT_FOR_MS } from '../runner/job-end.ts';

/** One thing to be done for a delivery. Rows name their step: a name that was released stays. */
export interface DeliveryStep {
  readonly name: string;
  /** How many deliveries are at this step at a time at most. */
  readonly concurrent: number;
  /**
   * Carries the step out. May be called again for the same delivery after a crash. A rejection counts as a failed try,
   * except after `signal` has fired.
   */
  run(delivery: DeliveryRecord, signal: AbortSignal): Promise<StepEnd>;
}

export type StepEnd =
  /** Nothing of this delivery is left to do. */
  | { readonly kind: 'over' }
  /** `data` is kept for later steps; `at`: not before then, ms since the epoch. */
  | {
      readonly kind: 'next';
      readonly step: string;
      readonly data?: DeliveryData;
      readonly at?: number;
    }
  /** To be tried again, later and later; from that earlier step when one is named. */
  | { readonly kind: 'retry'; readonly failure: Failure; readonly step?: string }
  /** A retry would fail the same way: the report is parked until an operator looks at it. */
  | { readonly kind: 'refused'; readonly failure: Failure };

export interface ReportOutboxDeps {
  readonly catalogue: Pick<Catalogue, 'deliveries'>;
  readonly steps: readonly DeliveryStep[];
  readonly events: EventSource;
  readonly clock: Clock;
  readonly timers: Timers;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** It looks at least so often: whatever was missed, and a clock that was set, put themselves right. */
const LOOK_EVERY_MS = 60_000;
/** No report waits for as long (base/retry.ts): one that is due later was put off before the clock was set back. */
const LONGEST_WAIT_MS = 20 * 60_000;
/** From this failed try on it is worth a line in the log: a panel that has not committed yet needs two or three. */
const TELL_AT = 4;
/** Rows that are looked through for restores while others are held. */
const MOST_HELD = 10_000;
/** Events after which a new report may be waiting. */
const ENDINGS: ReadonlySet<EventType> = new Set([
  'backup.completed',
  'backup.failed',
  'backup.cancelled',
  'backup.deleted',
  'restore.completed',
  'restore.failed',
]);

export class ReportOutbox {
  readonly #deps: ReportOutboxDeps;
  readonly #stop = new AbortController();
  /** What is under way, by the delivery's id. */
  readonly #underWay = new Map<number, { readonly step: string; readonly over: Promise<void> }>();
  #unsubscribe: () => void = () => undefined;
  #cancelTimer: () => void = () => undefined;
  #started = false;
  #held = false;

  constructor(deps: ReportOutboxDeps) {
    this.#deps = deps;
  }

  /**
   * Starts sending. Every report is tried at once: waiting ones because the panel may be back, and refused (parked) ones
   * because the operator may have mended the config before this start.
   *
   * @param held true: reports other than those of restores wait for `release`. Deleting and uploading do not.
   */
  start({ held = false } = {}): void {
    if (this.#started || this.#stop.signal.aborted) return;
    this.#started = true;
    this.#held = held;
    this.#unsubscribe = this.#deps.events.subscribe(({ type }) => {
      if (ENDINGS.has(type)) this.wake();
    });
    this.retry();
  }

  /** The panel has reset its servers: what it takes for failed now is reported as it is. */
  release(): void {
    this.#held = false;
    this.wake();
  }

  /** Looks for what is due now. Never throws. */
  wake(): void {
    if (!this.#started || this.#stop.signal.aborted) return;
    this.#cancelTimer();
    let next = LOOK_EVERY_MS;
    // One moment for both questions: what falls due between two of them would be neither due nor to come. Timers fire up
    // to a millisecond before the clock says so, so that is no rare case.
    const now = this.#deps.clock.now();
    const { deliveries } = this.#deps.catalogue;
    try {
      if (deliveries.nextDue(now + LONGEST_WAIT_MS) !== undefined) deliveries.hasten(now + LONGEST_WAIT_MS);
      for (const step of this.#deps.steps) this.#begin(step, now);
      const dueAt = deliveries.nextDue(now);
      if (dueAt !== undefined) next = Math.min(next, dueAt - now);
    } catch (error) {
      this.#deps.log.error('Cannot look for reports that the panel is owed', { error });
    }
    this.#cancelTimer = this.#deps.timers.after(next, () => this.wake());
  }

  /** Takes up again what is parked (all, or that one), and tries at once what waits; returns how many were parked. */
  retry(id?: number): number {
    const { catalogue, clock } = this.#deps;
    const now = clock.now();
    const parked = catalogue.deliveries.retryParked(now + REPORT_FOR_MS, id);
    if (id === undefined) catalogue.deliveries.hasten(now + LOOK_EVERY_MS);
    this.wake();
    return parked;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(Array.from(this.#underWay.values(), ({ over }) => over));
  }

  /** Breaks off what is under way; the next start does it again. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort();
    this.#cancelTimer();
    await this.settled();
  }

  #begin(step: DeliveryStep, now: number): void {
    const busy = Array.from(this.#underWay.values()).filter((other) => other.step === step.name).length;
    if (busy >= step.concurrent) return;
    // Those under way are still due: their rows change when they end.
    const held = this.#held && step.name === 'report';
    const limit = held ? MOST_HELD : step.concurrent + this.#underWay.size;
    const due = this.#deps.catalogue.deliveries
      .due(step.name, now, limit)
      .filter(({ kind }) => !held || kind === 'restore');
    for (const delivery of due.filter(({ id }) => !this.#underWay.has(id)).slice(0, step.concurrent - busy)) {
      const over = this.#carry(delivery, step).finally(() => {
        this.#underWay.delete(delivery.id);
        this.wake();
      });
      this.#underWay.set(delivery.id, { step: step.name, over });
    }
  }

  /** Never rejects. */
  async #carry(delivery: DeliveryRecord, step: DeliveryStep): Promise<void> {
    const end = await this.#run(delivery, step);
    if (end === undefined) return;
    try {
      this.#store(delivery, end);
    } catch (error) {
      const { id, backup } = delivery;
      this.#deps.log.error('Cannot store what became of a report to the panel', { delivery: id, backup, error });
      // Its row says that it is due: without a pause it would go out again and again.
      await pause(this.#deps.timers, LOOK_EVERY_MS, this.#stop.signal);
    }
  }

  /** Undefined when it was broken off. */
  async #run(delivery: DeliveryRecord, step: DeliveryStep): Promise<StepEnd | undefined> {
    const { signal } = this.#stop;
    try {
      return await step.run(delivery, signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      return { kind: 'retry', failure: asFailure(error, `Cannot report the ${delivery.kind} to the panel`) };
    }
  }

  #store(delivery: DeliveryRecord, end: StepEnd): void {
    const { catalogue, clock } = this.#deps;
    const { deliveries } = catalogue;
    const now = clock.now();
    if (end.kind === 'over') {
      deliveries.delete(delivery.id);
      this.#tellArrived(delivery);
    } else if (end.kind === 'next') deliveries.advance(delivery.id, end.step, end.data ?? {}, end.at ?? now);
    else if (end.kind === 'refused' || now >= delivery.giveUpAt) {
      deliveries.park(delivery.id, end.failure.toJSON());
      this.#tellFailed('error', 'The panel does not take a report: it waits for "roost panel retry"', delivery, end);
    } else {
      const dueAt = now + backOff(delivery.attempts, this.#deps.random());
      deliveries.postpone(delivery.id, end.failure.toJSON(), dueAt, end.step);
      const level = delivery.attempts + 1 === TELL_AT ? 'warn' : 'debug';
      this.#tellFailed(level, 'A report cannot be delivered to the panel; it is tried again', delivery, end);
    }
  }

  #tellArrived({ id: delivery, kind, job, backup, attempts }: DeliveryRecord): void {
    this.#deps.log[attempts >= TELL_AT ? 'info' : 'debug']('The panel has taken a report', {
      delivery,
      kind,
      job,
      backup,
      attempts: attempts + 1,
    });
  }

  #tellFailed(
    level: 'debug' | 'warn' | 'error',
    message: string,
    { id: delivery, kind, job, server, backup, attempts }: DeliveryRecord,
    { failure }: { readonly failure: Failure },
  ): void {
    const facts = { delivery, kind, job, server, backup, attempts: attempts + 1, error: failure };
    this.#deps.log[level](message, facts);
  }
}
