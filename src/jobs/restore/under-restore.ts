import type { ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import { parseRestoreRequest } from './request.ts';

/**
 * True from the acceptance of a restore or an undo to its end, over restarts: also while it waits in the queue, and
 * while a swap could not be ended.
 */
export function isUnderRestore(
  server: ServerId,
  { catalogue }: { readonly catalogue: Pick<Catalogue, 'jobs' | 'plans'> },
): boolean {
  for (const job of catalogue.jobs.active({ server })) {
    if (job.kind === 'restore' && !parseRestoreRequest(job.request).dryRun) return true;
  }
  return catalogue.plans.list({ server, state: 'swapping' }).length > 0;
}
