/** What lies on a disk, and what of it is in the page cache. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';

/** Bytes of disk, with directories. */
export function diskBytes(directory: string): number {
  return Number(spawnSync('du', ['-s', '-B1', directory], { encoding: 'utf8' }).stdout.split('\t')[0]);
}

/** Empties the page cache; of an ordinary user, only a directory's files leave it. */
export function dropFromCache(directory: string): void {
  spawnSync('sync');
  try {
    fs.writeFileSync('/proc/sys/vm/drop_caches', '3');
  } catch {
    const advise = 'dd of="$1" oflag=nocache conv=notrunc,fdatasync count=0 status=none';
    spawnSync('find', [directory, '-type', 'f', '-exec', 'sh', '-c', advise, 'sh', '{}', ';']);
  }
}
