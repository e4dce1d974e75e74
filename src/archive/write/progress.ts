/** Reports the progress of a backup: what is done, and of how much. */
import type { Clock } from '../../base/clock.ts';
import type { Assembler } from './assembler.ts';
import type { ArchiveProgress } from '../entry.ts';
import type { TreeCount, TreeTotals } from './tree-count.ts';

const PROGRESS_MS = 100;
/** The count begins after this time: a backup that is done by then needs none, and counting slows it. */
const COUNT_AFTER_MS = 1000;
/** Nothing is reported until the tree is counted, or this time has passed; then without totals. */
const PATIENCE_MS = 2000;

/** What a backup will hold, as far as that is known. */
export interface ExpectedTree {
  /** What the older archive holds, which is close enough until more was done. */
  readonly base?: TreeTotals;
  /** Counts the tree beside the backup; started when there is no base for long, or when it is exceeded. */
  readonly count?: Pick<TreeCount, 'totals' | 'complete' | 'start'>;
}

const UNKNOWN: TreeTotals = { bytes: 0, files: 0 };

export class WriteProgress {
  readonly #assembler: Pick<Assembler, 'rawSize' | 'files'>;
  readonly #clock: Clock;
  readonly #expected: ExpectedTree;
  readonly #report: (progress: ArchiveProgress) => void;
  readonly #startedAt: number;
  #last: number;
  #counts = false;

  constructor(
    assembler: Pick<Assembler, 'rawSize' | 'files'>,
    expected: ExpectedTree,
    clock: Clock,
    report: (progress: ArchiveProgress) => void,
  ) {
    this.#assembler = assembler;
    this.#clock = clock;
    this.#expected = expected;
    this.#report = report;
    this.#startedAt = clock.monotonic();
    this.#last = this.#startedAt;
  }

  /** Called whenever something was appended. */
  step(): void {
    const now = this.#clock.monotonic();
    if (now - this.#last < PROGRESS_MS) return;
    if (this.#expected.base === undefined && now - this.#startedAt < COUNT_AFTER_MS) return;
    const { rawSize: bytesDone, files: filesDone } = this.#assembler;
    const totals = this.#totals(bytesDone, filesDone);
    if (totals === UNKNOWN && now - this.#startedAt <= PATIENCE_MS) return;
    this.#last = now;
    this.#report({ bytesDone, bytesTotal: totals.bytes, filesDone, filesTotal: totals.files });
  }

  finish(): void {
    const { rawSize, files } = this.#assembler;
    this.#report({ bytesDone: rawSize, bytesTotal: rawSize, filesDone: files, filesTotal: files });
  }

  #totals(bytesDone: number, filesDone: number): TreeTotals {
    const { base, count } = this.#expected;
    const holds = ({ bytes, files }: TreeTotals): boolean => bytes >= bytesDone && files >= filesDone;
    if (base !== undefined && !this.#counts && holds(base)) return base;
    this.#startCount();
    return count?.complete === true && holds(count.totals) ? count.totals : UNKNOWN;
  }

  #startCount(): void {
    if (this.#counts) return;
    this.#counts = true;
    this.#expected.count?.start();
  }
}
