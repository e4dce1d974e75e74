/** Reports the progress of a backup: what is done, and of how much. */
import type { Clock } from '../../base/clock.ts';
import type { Assembler } from './assembler.ts';
import type { ArchiveProgress } from '../entry.ts';
import type { TreeCount, TreeTotals } from './tree-count.ts';

const PROGRESS_MS = 100;
/** Nothing is reported until the tree is counted, or this time has passed; then the count so far is the total. */
const PATIENCE_MS = 2000;

export class WriteProgress {
  readonly #assembler: Assembler;
  readonly #clock: Clock;
  readonly #expected: TreeTotals | TreeCount;
  readonly #report: (progress: ArchiveProgress) => void;
  readonly #startedAt: number;
  #last: number;

  /** @param expected what the backup will hold, as far as that is known. */
  constructor(
    assembler: Assembler,
    expected: TreeTotals | TreeCount,
    clock: Clock,
    report: (progress: ArchiveProgress) => void,
  ) {
    this.#assembler = assembler;
    this.#expected = expected;
    this.#clock = clock;
    this.#report = report;
    this.#startedAt = clock.monotonic();
    this.#last = this.#startedAt;
  }

  /** Called whenever something was appended. */
  step(): void {
    const now = this.#clock.monotonic();
    if (now - this.#last < PROGRESS_MS) return;
    const totals = this.#totals(now);
    if (totals === undefined) return;
    this.#last = now;
    const { rawSize: bytesDone, files: filesDone } = this.#assembler;
    // The tree may have grown since it was counted.
    const bytesTotal = Math.max(totals.bytes, bytesDone);
    this.#report({ bytesDone, bytesTotal, filesDone, filesTotal: Math.max(totals.files, filesDone) });
  }

  finish(): void {
    const { rawSize, files } = this.#assembler;
    this.#report({ bytesDone: rawSize, bytesTotal: rawSize, filesDone: files, filesTotal: files });
  }

  #totals(now: number): TreeTotals | undefined {
    if (!('complete' in this.#expected)) return this.#expected;
    const { complete, totals } = this.#expected;
    return complete || now - this.#startedAt > PATIENCE_MS ? totals : undefined;
  }
}
