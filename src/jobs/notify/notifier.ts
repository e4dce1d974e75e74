/**
 * For: notifying people and programs of what happens on this node, by the channels under `notify` in the config.
 *
 * Promises: a committed change is sent once, once more after each crash that meets its delivery, and is not lost while its
 * channel comes back within a week; the messages of one channel go out in order; a channel that is away delays no other,
 * and no job.
 * Never: sends to a private address that the config does not allow (protocols/notify/guarded-post.ts).
 *
 * `backup.started` and `schedule.refused` are made from events, which a crash at that moment loses. That is no harm: a
 * started backup has an end, which is stored, and a server without a backup becomes overdue.
 */
import { type Clock, DAY_MS } from '../../base/clock.ts';
import { asFailure, type Failure } from '../../base/failure.ts';
import type { Log } from '../../base/log/log.ts';
import { backOff } from '../../base/retry.ts';
import type { Timers } from '../../base/timers.ts';
import type { NoticeRecord } from '../../catalogue/notice-contract.ts';
import type { ChannelConfig } from '../../config/types.ts';
import type { EventSource, RoostEvent } from '../contract.ts';
import { type ComposeDeps, composeNotices, writeNotices } from './compose.ts';
import type { NoticeMessage } from './message.ts';
import type { NoticeSender } from './port.ts';

export interface NotifierDeps extends ComposeDeps {
  readonly events: EventSource;
  readonly sender: NoticeSender;
  readonly clock: Clock;
  readonly timers: Timers;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly log: Log;
}

const LOOK_EVERY_MS = 60_000;
/** A message that its channel has not taken after this time is dropped. */
const GIVE_UP_MS = 7 * DAY_MS;
/** Messages of one channel that wait; beyond, the oldest are dropped, which is logged. */
const MOST_WAITING = 5000;
/** Statuses that refuse the message itself. Endless retries would hold up all later messages of the channel. */
const REFUSALS: ReadonlySet<unknown> = new Set([400, 413, 422]);
/** A refused message is dropped after so many tries, over hours: a wrongly configured receiver answers the same. */
const REFUSED_AT = 20;
/** From this failed try on, failures are logged. */
const LOG_AT = 3;

export class Notifier {
  readonly #deps: NotifierDeps;
  readonly #stop = new AbortController();
  readonly #underWay = new Map<string, Promise<void>>();
  #unsubscribe: () => void = () => undefined;
  #cancelTimer: () => void = () => undefined;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
  }

  /** Begins; what waits is tried at once, since its channel may be back. */
  start(): void {
    this.#unsubscribe = this.#deps.events.subscribe((event) => this.#hear(event));
    this.#guarded(() => this.#deps.catalogue.notices.hasten());
    this.wake();
  }

  /** Takes up what occurred, and sends what is due. Never throws. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#cancelTimer();
    let next = LOOK_EVERY_MS;
    this.#guarded(() => {
      composeNotices(this.#deps);
      this.#tidy();
      for (const channel of this.#deps.config.notify.channels) next = Math.min(next, this.#begin(channel));
    });
    this.#cancelTimer = this.#deps.timers.after(Math.max(1, next), () => this.wake());
  }

  /** Resolves when nothing is being sent. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
  }

  /** Breaks off what is being sent; the next start sends it again. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort();
    this.#cancelTimer();
    await this.settled();
  }

  #hear(event: RoostEvent): void {
    this.#guarded(() => {
      const { server, backup, job } = event;
      const name = this.#deps.nameOf(server);
      if (event.type === 'backup.started') {
        const message = `A backup of ${name} has begun`;
        writeNotices({ event: 'backup.started', server, backup, job, message }, this.#deps);
      }
      if (event.type === 'schedule.missed' && event.data.error !== undefined) {
        const { code, message, hint } = event.data.error;
        const sentence = `A scheduled backup of ${name} was refused: ${message}`;
        writeNotices({ event: 'schedule.refused', server, message: sentence, hint, data: { code } }, this.#deps);
      }
    });
    if (!event.type.endsWith('.progress') && event.type !== 'server.status') this.wake();
  }

  /** Sends the oldest of a channel if it is due. @returns milliseconds until there is something to do. */
  #begin(channel: ChannelConfig): number {
    if (this.#underWay.has(channel.name)) return LOOK_EVERY_MS;
    const notice = this.#deps.catalogue.notices.next(channel.name);
    if (notice === undefined) return LOOK_EVERY_MS;
    const now = this.#deps.clock.now();
    // A longer wait than any that is set means that the clock was set back: send now.
    const wait = notice.dueAt - now;
    if (wait > 0 && wait <= DAY_MS) return wait;
    const over = this.#carry(channel, notice).finally(() => {
      this.#underWay.delete(channel.name);
      this.wake();
    });
    this.#underWay.set(channel.name, over);
    return LOOK_EVERY_MS;
  }

  /** Never rejects. */
  async #carry(channel: ChannelConfig, notice: NoticeRecord): Promise<void> {
    const { catalogue, config, log, sender } = this.#deps;
    const { signal } = this.#stop;
    try {
      await sender.send(channel, notice.message as NoticeMessage, config.notify.hostAllowlist, signal);
    } catch (error) {
      if (!signal.aborted) this.#postpone(channel, notice, asFailure(error, 'Cannot send a notification'));
      return;
    }
    this.#guarded(() => catalogue.notices.delete(notice.id));
    if (notice.attempts >= LOG_AT) log.info('A channel takes notifications again', { channel: channel.name });
  }

  #postpone({ name }: ChannelConfig, { id, attempts }: NoticeRecord, failure: Failure): void {
    const { catalogue, clock, log, random } = this.#deps;
    if (attempts + 1 >= REFUSED_AT && REFUSALS.has(failure.facts['status'])) {
      this.#guarded(() => catalogue.notices.delete(id));
      log.error('A channel refuses a notification for what it says: it is given up', { channel: name, error: failure });
      return;
    }
    const asked = failure.facts['retryAfterMs'];
    const wait = Math.max(backOff(attempts, random()), typeof asked === 'number' ? Math.min(asked, DAY_MS) : 0);
    this.#guarded(() => catalogue.notices.postpone(id, failure.toJSON(), clock.now() + wait));
    const level = attempts + 1 === LOG_AT ? 'warn' : 'debug';
    log[level]('A channel does not take notifications; they wait', { channel: name, error: failure });
  }

  #tidy(): void {
    const { catalogue, clock, config, log } = this.#deps;
    const old = catalogue.notices.forget(clock.now() - GIVE_UP_MS);
    if (old > 0)
      log.error('Notifications were given up: their channels took nothing for a week', { notifications: old });
    for (const { name } of config.notify.channels) {
      const dropped = catalogue.notices.trim(name, MOST_WAITING);
      if (dropped > 0) log.error('Too many notifications wait: the oldest are dropped', { channel: name, dropped });
    }
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#deps.log.error('Cannot keep notifications', { error });
    }
  }
}
