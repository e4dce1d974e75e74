/** How long a file can change without new times: what is written through mapped memory, until the kernel writes it out. */
import fs from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../../base/failure.ts';

/** With Linux' own settings, written out after 30 to 35 seconds: a minute. */
const LEAST_MS = 60_000;
/** For a disk that takes longer than it should. */
const LATE_MS = 25_000;

/**
 * After how many ms without new times a file has the bytes that it had when it got them. A page that was written out is
 * write-protected, and the next write to it gives new times: so that is the age at which pages are written out
 * (`dirty_expire_centisecs`), how often the kernel looks for such (`dirty_writeback_centisecs`; sysctl/vm.rst of Linux), and
 * some more. Infinity where the kernel never looks: a page may wait without end there.
 *
 * @param settings the directory of these two files.
 */
export function settledAfterMs(settings = '/proc/sys/vm'): number {
  const [expire, every] = ['dirty_expire_centisecs', 'dirty_writeback_centisecs'].map((name) =>
    attempt(() => Number(fs.readFileSync(join(settings, name), 'latin1'))),
  );
  if (every === 0) return Infinity;
  if (expire === undefined || every === undefined) return LEAST_MS;
  return Math.max(LEAST_MS, (expire + every) * 10 + LATE_MS);
}
