/** What the operation thread gives to each way of reading an archive. */
import type { Pace } from '../../base/rates.ts';
import type { ByteSource } from '../../base/source.ts';
import type { ArchiveProgress } from '../entry.ts';
import type { Control } from '../threads/control.ts';
import type { TaskThreads } from '../threads/task-threads.ts';
import type { SelectionPort } from './selection-port.ts';

export interface ReadDeps {
  readonly archive: ByteSource;
  readonly control: Control;
  readonly threads: TaskThreads;
  readonly onProgress: (progress: ArchiveProgress) => void;
}

export interface ExtractDeps extends ReadDeps {
  readonly selection: SelectionPort;
  readonly writePace: Pace;
}
