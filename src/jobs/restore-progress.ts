/** A restore may read the archive twice, to prove it and to unpack it; its progress counts both. */
import type { ArchiveProgress } from '../archive/entry.ts';
import type { FetchedArchive } from './restore-deps.ts';
import type { RunningJob } from './verb.ts';

export class RestoreProgress {
  readonly #job: RunningJob;
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

  checked({ bytesDone, bytesTotal }: ArchiveProgress): void {
    this.#checkBytes = bytesTotal;
    this.#job.progress({
      bytesDone,
      bytesTotal: bytesTotal + this.#unpackBytes,
      filesDone: 0,
      filesTotal: this.#files,
    });
  }

  unpacked({ bytesDone, bytesTotal, filesDone, filesTotal }: ArchiveProgress): void {
    this.#job.progress({
      bytesDone: this.#checkBytes + bytesDone,
      bytesTotal: this.#checkBytes + bytesTotal,
      filesDone,
      filesTotal,
    });
  }
}
