/**
 * A process that restores, undoes or recovers, and kills itself at the nth step. Started with one JSON argument; prints
 * the steps that it came to. `restore-kill.ts` is its other half.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import type { RestoreJobRequest } from '../../src/catalogue/records.ts';
import { openRestoreNode } from './restore-node.ts';
import { archiveOf } from './tree-archive.ts';
import type { TreeNode } from './tree.ts';

interface Orders {
  readonly root: string;
  readonly archive: readonly [string, TreeNode][];
  /** null: recovers what an earlier process left. */
  readonly request: RestoreJobRequest | null;
  /** The number of the step to die at, counted from 0; null to live. */
  readonly dieAt: number | null;
  /** The number of the step that is refused, as if the disk said no; null for none. */
  readonly refuseAt: number | null;
  /** The ignore list of the archive. */
  readonly ignore: readonly string[];
}

const orders = JSON.parse(process.argv[2] ?? '') as Orders;
const steps: string[] = [];
const node = openRestoreNode({
  root: orders.root,
  onStep: (step) => {
    if (steps.length === orders.dieAt) process.kill(process.pid, 'SIGKILL');
    steps.push(step);
    if (steps.length - 1 === orders.refuseAt) throw new Error('the disk says no');
  },
});
const note = join(orders.root, 'power.log');
node.power.now = 'running';
node.power.onCall = (call) => fs.appendFileSync(note, `${call}\n`);
node.archive = archiveOf(new Map(orders.archive), { ignore: orders.ignore });
const outcome = orders.request === null ? await node.recover().then(() => 'done') : await node.restore(orders.request);
node.close();
process.stdout.write(JSON.stringify({ outcome, steps }));
