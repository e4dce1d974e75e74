/** Revocation by the panel: single tokens of one server, all tokens of a user, or some of a user's permissions. */
import { z } from '@hono/zod-openapi';
import type { App, DialectDeps } from '../../dialect.ts';
import { badBody } from '../answers/answers.ts';
import { bodyAs } from '../requests/body.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import type { TokenDenylist } from '../tokens/denylist.ts';
import { knownServer, panelOnly } from '../requests/guard.ts';

export const DenyBody = z.object({ jtis: z.array(z.string().max(255)).max(1000).nullish() });

const User = z.object({ user: z.string().min(1).max(255), servers: z.array(z.string().max(64)).max(10_000).nullish() });
// Pelican's client wraps the body in `json` by mistake.
export const UserBody = z.union([User, z.object({ json: User }).transform(({ json }) => json)]);

const Permissions = z.array(z.string().max(255)).max(1000);
export const PermissionsBody = z.object({
  user_permissions: z.array(z.object({ user: z.string().min(1).max(255), permissions: Permissions })).max(10_000),
});

export function mountRevocation(
  app: App,
  { service }: DialectDeps,
  facts: FlavourFacts,
  denylist: Pick<TokenDenylist, 'denyTokens' | 'denyUser' | 'permissionsChanged'>,
): void {
  const { answers } = facts;

  app.post('/api/servers/:server/ws/deny', panelOnly, knownServer(service, facts), async (c) => {
    const { jtis } = await bodyAs(c, DenyBody, facts);
    if (jtis !== null && jtis !== undefined && jtis.length > 0) denylist.denyTokens(jtis);
    return answers.done(c);
  });

  app.post('/api/deauthorize-user', panelOnly, async (c) => {
    const { user, servers } = await bodyAs(c, UserBody, facts);
    // An empty list means all servers, so an absent one must not pass for it.
    if (servers === null || servers === undefined) throw badBody('unfit', 'servers: is required');
    denylist.denyUser(user, servers);
    return answers.done(c);
  });

  if (facts.routes.changesPermissions) {
    app.post('/api/servers/:server/ws/permissions', panelOnly, knownServer(service, facts), async (c) => {
      const { user_permissions: changes } = await bodyAs(c, PermissionsBody, facts);
      const server = c.get('server');
      for (const { user, permissions } of changes) {
        denylist.permissionsChanged({ server, user: user.toLowerCase(), permissions });
      }
      return answers.done(c);
    });
  }
}
