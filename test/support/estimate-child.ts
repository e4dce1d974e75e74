/** Estimates as a process of its own, which may be another user's: `node estimate-child.ts ROOT LINE...` prints JSON. */
import { estimateTree } from '../../src/archive/walk/estimate.ts';

const [root = '', ...ignore] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await estimateTree({ root, ignore, exclude: [] })));
