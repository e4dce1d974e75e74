/**
 * Turns what the archive room reports into what listeners see: at most four a second, never going back, with a rate
 * that follows the last seconds and a guess of what is left.
 */
import type { ArchiveProgress } from '../archive/entry.ts';
import type { JobProgress } from '../catalogue/records.ts';

/** Four a second: enough for a smooth bar, little enough for a hundred sockets. */
const INTERVAL_MS = 250;
/** How long ago counts in the rate: a short stall shows, a single slow file does not make the guess jump. */
const MEMORY_MS = 5000;

export class ProgressMeter {
  #phase = '';
  #now: ArchiveProgress = { bytesDone: 0, bytesTotal: 0, filesDone: 0, filesTotal: 0 };
  #rate = 0;
  /** Where the job was when the rate was last computed. */
  #mark: { readonly at: number; readonly bytes: number };
  #toldAt = Number.NEGATIVE_INFINITY;

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

  /** Takes the newest numbers; true when listeners should be told of them now. */
  update(progress: ArchiveProgress, at: number): boolean {
    const bytesDone = Math.max(this.#now.bytesDone, progress.bytesDone);
    const filesDone = Math.max(this.#now.filesDone, progress.filesDone);
    this.#now = {
      bytesDone,
      filesDone,
      bytesTotal: Math.max(bytesDone, progress.bytesTotal),
      filesTotal: Math.max(filesDone, progress.filesTotal),
    };
    if (at - this.#toldAt < INTERVAL_MS) return false;
    this.#measure(at);
    this.#toldAt = at;
    return true;
  }

  /** The job succeeded: what was done is all there was. */
  complete(): void {
    const { bytesDone, bytesTotal, filesDone, filesTotal } = this.#now;
    const bytes = Math.max(bytesDone, bytesTotal);
    const files = Math.max(filesDone, filesTotal);
    this.#now = { bytesDone: bytes, bytesTotal: bytes, filesDone: files, filesTotal: files };
  }

  current(): JobProgress {
    const left = this.#now.bytesTotal - this.#now.bytesDone;
    const guess = this.#rate > 0 ? Math.ceil(left / this.#rate) : null;
    return {
      phase: this.#phase,
      ...this.#now,
      bytesPerSecond: Math.round(this.#rate),
      etaSeconds: left === 0 ? 0 : guess,
    };
  }

  #measure(at: number): void {
    const elapsed = at - this.#mark.at;
    if (elapsed <= 0) return;
    const rate = ((this.#now.bytesDone - this.#mark.bytes) / elapsed) * 1000;
    const weight = 1 - Math.exp(-elapsed / MEMORY_MS);
    this.#rate = this.#rate === 0 ? rate : this.#rate + (rate - this.#rate) * weight;
    this.#mark = { at, bytes: this.#now.bytesDone };
  }
}
