/** Estimates what a backup of a directory would hold: the caller's side of the estimating thread. */
import { resolve } from 'node:path';
import type { EstimateRequest, TreeEstimate } from '../contract.ts';
import type { EstimateData } from './estimate-operation.ts';
import { compileIgnore } from '../ignore/ignore.ts';
import { runThread } from '../threads/run-thread.ts';

/**
 * Counts what `writeArchive` would archive now, and what the ignore rules leave out.
 *
 * @throws Failure `invalid_request` (the ignore list), `cancelled`, `internal` (the directory is gone).
 */
export async function estimateTree({ root, ignore, exclude, signal, threads }: EstimateRequest): Promise<TreeEstimate> {
  const data: Omit<EstimateData, 'control'> = {
    // Absolute, since the thread has a working directory of its own.
    root: resolve(root),
    ignore: compileIgnore(ignore).lines,
    exclude: exclude.map((path) => resolve(path)),
  };
  return runThread<TreeEstimate>({ operation: 'estimate', data, threads, doing: 'Cannot estimate the backup', signal });
}
