/** One file out of a large archive that Wings made, once it was verified. */
import fs from 'node:fs';
import { join } from 'node:path';
import { MEBIBYTE } from '../../src/base/sizes.ts';
import type { Contest } from '../contest.ts';
import { quoted, run } from '../measure.ts';
import { ROOST } from '../peers.ts';
import { Random } from '../random.ts';
import { freshDirectory } from '../scene.ts';
import { makeServer } from '../tree.ts';

export const FOREIGN_FILE = 'one file of 1 MiB out of 2 GiB by Wings';
export const ROOST_FILE = 'roost archive extract --path';
const SIZE = 2048 * MEBIBYTE;
/** In the middle of the tree's order. */
const WANTED = 'resources/0/wanted.dat';

export function foreignFile(scratch: string, wings: string): Contest {
  const home = join(scratch, 'large');
  const archive = join(scratch, 'large.tar.gz');
  const out = join(scratch, 'one-file');
  return {
    part: 'one-file',
    work: FOREIGN_FILE,
    bytes: MEBIBYTE,
    before: () => {
      if (fs.existsSync(archive)) return;
      makeServer(home, SIZE);
      fs.writeFileSync(join(home, WANTED), new Random(6000).bytes(MEBIBYTE));
      run(`${quoted(wings)} ${quoted(home)} ${quoted(archive)}`, scratch);
      fs.rmSync(home, { recursive: true });
      run(`${ROOST} verify ${quoted(archive)}`, scratch, [0, 3]);
    },
    contenders: [
      {
        name: ROOST_FILE,
        prepare: () => fs.rmSync(out, { recursive: true, force: true }),
        run: () => run(`${ROOST} extract --path ${WANTED} ${quoted(archive)} ${quoted(out)}`, scratch, [0, 3]),
      },
      {
        name: 'tar xzf FILE PATH',
        prepare: () => void freshDirectory(scratch, 'one-file'),
        run: () => run(`tar -C ${quoted(out)} -xzf ${quoted(archive)} ${WANTED}`, scratch),
      },
    ],
  };
}
