/** What this process holds open, to see that nothing is left behind. */
import fs from 'node:fs';

/** The targets of all open descriptors, sorted; those of the runtime itself stay the same. */
export function openFiles(): string[] {
  const names = fs.readdirSync('/proc/self/fd');
  return names
    .map((name) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${name}`);
      } catch {
        // The descriptor that listed the directory is closed by now.
        return '';
      }
    })
    .filter((target) => target.startsWith('/') && !target.startsWith('/proc/'))
    .sort();
}

/** Threads of this process. */
export function threadCount(): number {
  return fs.readdirSync('/proc/self/task').length;
}
