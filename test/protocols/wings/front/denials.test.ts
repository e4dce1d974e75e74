/** Users and tokens that are denied. */
import { describe, expect, test } from 'vitest';
import { SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { openWings } from '../../../support/wings/wings.ts';

describe('check 15: users and tokens are denied on both sides', () => {
  test.each([false, true])('with Wings away: %s', async (away) => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, authorized, denylist, socketToken } = await openFrontNode(wings);
    const claims = JSON.parse(Buffer.from(socketToken().split('.')[1] ?? '', 'base64url').toString()) as {
      jti: string;
    };
    if (away) await wings.kill();
    const body = JSON.stringify({ jtis: [claims.jti] });
    const target = `${url}/api/servers/${SERVER}/ws/deny`;
    const answer = await fetch(target, { method: 'POST', headers: authorized, body });
    expect(answer.status).toBe(away ? 503 : 204);
    const token = { ...tokenFacts, id: claims.jti, issuedAt: 1 };
    expect(denylist.isDenied(token, SERVER)).toBe(true);

    const user = '11111111-2222-4333-8444-555555555555';
    const all = JSON.stringify({ user, servers: [] });
    await fetch(`${url}/api/deauthorize-user`, { method: 'POST', headers: authorized, body: all });
    expect(denylist.isDenied({ ...tokenFacts, user, issuedAt: 1 }, SERVER)).toBe(true);
    if (!away) expect(wings.received.map(({ body: seen }) => seen?.text)).toEqual([body, all]);
  });

  test('for the node token alone', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, denylist } = await openFrontNode(wings);
    const headers = { authorization: 'Bearer another' };
    const body = JSON.stringify({ user: 'u', servers: [] });
    expect((await fetch(`${url}/api/deauthorize-user`, { method: 'POST', headers, body })).status).toBe(403);
    expect(denylist.isDenied({ ...tokenFacts, user: 'u', issuedAt: 1 }, SERVER)).toBe(false);
  });
});

const tokenFacts = {
  use: 'socket',
  issuer: undefined,
  id: undefined,
  user: undefined,
  server: undefined,
  backup: undefined,
  uniqueId: undefined,
  permissions: [],
  scopes: undefined,
  issuedAt: undefined,
  notBefore: undefined,
  expiresAt: undefined,
} as const;
