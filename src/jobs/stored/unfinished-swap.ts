import { Failure } from '../../base/failure.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { GameServer } from '../../servers/registry.ts';

/** @throws Failure `server_busy` when a swap of the server was begun and not ended: its tree is half changed. */
export function requireNoUnfinishedSwap(
  { id }: Pick<GameServer, 'id'>,
  deps: { readonly catalogue: Pick<Catalogue, 'plans'> },
): void {
  const [record] = deps.catalogue.plans.list({ server: id, state: 'swapping' });
  if (record === undefined) return;
  throw new Failure('server_busy', 'Cannot use the server: an earlier restore of it is half done', {
    facts: { job: record.job },
    hint: 'The log says why it could not go on. Mend that and restart Roost, which then finishes it.',
  });
}
