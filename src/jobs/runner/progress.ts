/**
 * Turns what the archive room reports into what listeners see: at most four a second, never going back, with a rate
 * that follows the last seconds and a guess of what is left.
 */
import type { ArchiveProgress } from '../../archive/entry.ts';
import type { JobProgress } from '../../catalogue/records.ts';

/** Four a second: enough for a smooth bar, little enough for a hundred sockets. */
const INTERVAL_MS = 250;
/** How long ago counts in the rate: a short stall shows, a single slow file does not make the guess jump. */
const MEMORY_MS = 5000;
/** A rate that was measured for less time says nothing of how long a job takes. */
const GUESS_MS = 1000;

export class ProgressMeter {
  #phase = '';
  #now: ArchiveProgress = { bytesDone: 0, bytesTotal: 0, filesDone: 0, filesTotal: 0 };
  /** Sum of rates (bytes per second), each weighing less the longer ago it was. */
  #weighted = 0;
  /** Sum of these weights: near 0 at first, near 1 later. Without it the rate would climb from 0 for seconds. */
  #seen = 0;
  #measuredMs = 0;
  #isComplete = false;
  /** Where the job was when the rate was last computed. */
  #mark: { readonly at: number; readonly bytes: number };
  #sentAt = Number.NEGATIVE_INFINITY;

  /** @param at the monotonic time at which the job started. */
  constructor(at: number) {
    this.#mark = { at, bytes: 0 };
  }

  get phase(): string {
    return this.#phase;
  }

  enter(phase: string): void {
    this.#phase = phase;
  }

  /** Takes the newest numbers. @returns true when it is time to publish them. */
  update(progress: ArchiveProgress, at: number): boolean {
    const bytesDone = Math.max(this.#now.bytesDone, progress.bytesDone);
    const filesDone = Math.max(this.#now.filesDone, progress.filesDone);
    // A total that is exceeded is not known any more: with it, the job would seem to be at its end.
    const bytesTotal = progress.bytesTotal >= bytesDone ? progress.bytesTotal : 0;
    const filesTotal = progress.filesTotal >= filesDone ? progress.filesTotal : 0;
    this.#now = { bytesDone, filesDone, bytesTotal, filesTotal };
    if (at - this.#sentAt < INTERVAL_MS) return false;
    this.#measure(at);
    this.#sentAt = at;
    return true;
  }

  /** The job succeeded: sets done and total to the larger of both, since totals are estimates. */
  complete(): void {
    this.#isComplete = true;
    const { bytesDone, bytesTotal, filesDone, filesTotal } = this.#now;
    const bytes = Math.max(bytesDone, bytesTotal);
    const files = Math.max(filesDone, filesTotal);
    this.#now = { bytesDone: bytes, bytesTotal: bytes, filesDone: files, filesTotal: files };
  }

  current(): JobProgress {
    const rate = this.#seen > 0 ? this.#weighted / this.#seen : 0;
    return {
      phase: this.#phase,
      ...this.#now,
      bytesPerSecond: Math.round(rate),
      etaSeconds: this.#eta(rate),
    };
  }

  #eta(rate: number): number | null {
    if (this.#isComplete) return 0;
    const { bytesTotal, bytesDone } = this.#now;
    if (bytesTotal === 0) return null;
    if (bytesTotal === bytesDone) return 0;
    return rate > 0 && this.#measuredMs >= GUESS_MS ? Math.ceil((bytesTotal - bytesDone) / rate) : null;
  }

  #measure(at: number): void {
    const before = this.#mark;
    const elapsed = at - before.at;
    if (elapsed <= 0) return;
    this.#mark = { at, bytes: this.#now.bytesDone };
    // The time before the first bytes went into preparing (a walk, a wait for the server) and says nothing of the rate.
    if (before.bytes === 0) return;
    const rate = ((this.#now.bytesDone - before.bytes) / elapsed) * 1000;
    this.#measuredMs += elapsed;
    const keep = Math.exp(-elapsed / MEMORY_MS);
    this.#weighted = this.#weighted * keep + rate * (1 - keep);
    this.#seen = this.#seen * keep + (1 - keep);
  }
}
