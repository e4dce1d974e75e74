import { z } from '@hono/zod-openapi';
import type { App, DialectDeps } from '../../dialect.ts';
import { bodyAs } from '../requests/body.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import { panelOnly } from '../requests/guard.ts';
import type { NodeCredentials } from '../tokens/node-credentials.ts';

// An empty token would admit every caller, and a short one can be guessed.
const UpdateBody = z.object({
  token_id: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be the id of a token')
    .nullish(),
  token: z
    .string()
    .regex(/^[\x21-\x7e]{16,512}$/, 'must be the token of a node')
    .nullish(),
});

/**
 * `POST /api/update`: the panel's copy of the node's configuration. Only the token is applied, from the next request
 * on: addresses, directories and the panel's URL are the operator's.
 */
export function mountUpdate(
  app: App,
  { log }: DialectDeps,
  facts: FlavourFacts,
  credentials: Pick<NodeCredentials, 'tokenId' | 'token' | 'rotate'>,
): void {
  const { answers } = facts;
  app.post('/api/update', panelOnly, async (c) => {
    const body = await bodyAs(c, UpdateBody, facts);
    const tokenId = body.token_id ?? credentials.tokenId;
    const token = body.token ?? credentials.token;
    if (tokenId !== credentials.tokenId || token !== credentials.token) {
      credentials.rotate({ tokenId, token });
      log.info('The panel has replaced the token of this node', { requestId: c.get('requestId') });
    }
    return answers.json(c, { applied: true });
  });
}
