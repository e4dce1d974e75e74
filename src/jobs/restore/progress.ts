/** The progress of a restore over its passes: downloading, verifying and unpacking the archive. */
import type { ArchiveProgress } from '../../archive/entry.ts';
import type { FetchedArchive } from './deps.ts';
import type { RunningJob } from '../runner/verb.ts';

export class RestoreProgress {
  readonly #job: RunningJob;
  #fetchBytes = 0;
  #checkBytes = 0;
  #unpackBytes = 0;
  #files = 0;

  constructor(job: RunningJob) {
    this.#job = job;
  }

  expect({ rawSize, files }: FetchedArchive): void {
    this.#unpackBytes = rawSize;
    this.#files = files;
  }

  /** The content is at least as long as the archive, and is read twice. */
  fetched(bytesDone: number, bytesTotal: number): void {
    this.#fetchBytes = bytesTotal;
    this.#job.progress({ bytesDone, bytesTotal: 3 * bytesTotal, filesDone: 0, filesTotal: 0 });
  }

  checked({ bytesDone, bytesTotal }: ArchiveProgress): void {
    this.#checkBytes = bytesTotal;
    const before = this.#fetchBytes;
    const total = before + bytesTotal + this.#unpackBytes;
    this.#job.progress({ bytesDone: before + bytesDone, bytesTotal: total, filesDone: 0, filesTotal: this.#files });
  }

  unpacked({ bytesDone, bytesTotal, filesDone, filesTotal }: ArchiveProgress): void {
    const before = this.#fetchBytes + this.#checkBytes;
    this.#job.progress({ bytesDone: before + bytesDone, bytesTotal: before + bytesTotal, filesDone, filesTotal });
  }
}
