/**
 * A process that swaps directories of a server for links to somewhere else and back, as fast as it can, until it is
 * killed. Started with the server's directory, the directory to link to, and the names to swap.
 */
import fs from 'node:fs';
import { join } from 'node:path';

const [server = '', outside = '', ...names] = process.argv.slice(2);

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // The restore was there first this time.
  }
}

process.stdout.write('racing\n');
for (;;) {
  for (const name of names) {
    const place = join(server, name);
    const aside = join(server, `${name.replaceAll('/', '-')}-aside`);
    attempt(() => fs.renameSync(place, aside));
    attempt(() => fs.symlinkSync(outside, place));
    attempt(() => fs.unlinkSync(place));
    attempt(() => fs.renameSync(aside, place));
  }
}
