/**
 * Sends the newest progress of each job to one reader, at the reader's pace: at most four frames a second per job, the
 * last value when a slow reader catches up, and a repetition after two seconds without news. The values themselves are
 * paced and never go back in jobs/runner/progress.ts.
 */
import type { Clock } from '../../../base/clock.ts';
import type { EventType, RoostEvent } from '../../../jobs/contract.ts';
import type { Timers } from '../../../base/timers.ts';

const SHORTEST_GAP_MS = 250;
const LONGEST_GAP_MS = 2000;

/** Where a job is. */
export type ProgressEvent = RoostEvent<'backup.progress' | 'restore.progress' | 'verify.progress'>;

interface Track {
  event: ProgressEvent;
  /** True until the newest values are sent. */
  pending: boolean;
  /** On the monotonic clock; undefined before the first frame. */
  sentAt: number | undefined;
  cancelTimer: () => void;
}

export interface ProgressPaceOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Sends a progress event; false when the reader cannot take it now, which is retried later. */
  readonly send: (event: ProgressEvent) => boolean;
}

export class ProgressPace {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #send: (event: ProgressEvent) => boolean;
  readonly #tracks = new Map<string, Track>();

  constructor({ clock, timers, send }: ProgressPaceOptions) {
    this.#clock = clock;
    this.#timers = timers;
    this.#send = send;
  }

  /** Sends a progress event now, later, or never when a newer one comes first. */
  take(event: ProgressEvent): void {
    const key = keyOf(event);
    const known = this.#tracks.get(key);
    const track = known ?? { event, pending: false, sentAt: undefined, cancelTimer: () => undefined };
    this.#tracks.set(key, track);
    track.event = event;
    track.pending = true;
    this.#settle(track);
  }

  /** Follows a job whose progress the reader has from a snapshot. */
  begin(event: ProgressEvent): void {
    const track = { event, pending: false, sentAt: this.#clock.monotonic(), cancelTimer: () => undefined };
    this.#tracks.get(keyOf(event))?.cancelTimer();
    this.#tracks.set(keyOf(event), track);
    this.#settle(track);
  }

  /** Ends the track of the job that this event closes. @returns the progress that the reader still lacks, if any. */
  end(event: RoostEvent): ProgressEvent | undefined {
    const track = this.#tracks.get(keyOf(event));
    if (track === undefined) return undefined;
    track.cancelTimer();
    this.#tracks.delete(keyOf(event));
    return track.pending ? track.event : undefined;
  }

  resume(): void {
    for (const track of this.#tracks.values()) this.#settle(track);
  }

  clear(): void {
    for (const track of this.#tracks.values()) track.cancelTimer();
    this.#tracks.clear();
  }

  // Decides whether a track is sent now, and when it is checked next.
  #settle(track: Track): void {
    track.cancelTimer();
    const now = this.#clock.monotonic();
    const since = track.sentAt === undefined ? Number.POSITIVE_INFINITY : now - track.sentAt;
    const gap = track.pending ? SHORTEST_GAP_MS : LONGEST_GAP_MS;
    // A slow reader is retried after the longest gap, unless `resume` comes first.
    let wait = since < gap ? gap - since : LONGEST_GAP_MS;
    if (since >= gap && this.#send(track.event)) {
      track.pending = false;
      track.sentAt = now;
      wait = LONGEST_GAP_MS;
    }
    track.cancelTimer = this.#timers.after(wait, () => this.#settle(track));
  }
}

export function isProgress(event: RoostEvent): event is ProgressEvent {
  return event.type === 'backup.progress' || event.type === 'restore.progress' || event.type === 'verify.progress';
}

/** True for the events that end the `progress` events of their family. */
export function endsProgress(type: EventType): boolean {
  return /^(?:backup|restore|verify)\.(?:completed|failed|cancelled)$/.test(type);
}

// Family and backup identify the job, also in events without a job id: a backup is made once and restored by one job at
// a time.
function keyOf(event: RoostEvent): string {
  const [family = ''] = event.type.split('.');
  return `${family} ${event.backup ?? event.job ?? event.server}`;
}
