import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { downloadClaims, signToken } from '../support/panel/jwt.ts';
import { Page } from '../support/panel-node.ts';

const PATH = `/api/client/servers/${GAME_SERVER}/websocket`;
const PANEL =
  'panel: { flavour: pterodactyl, url: "http://127.0.0.1:9", token_id: node-id, token: "node-token-of-it" }';
const NODE_TOKEN = 'node-token-of-it';

test.each([
  ['without a panel', ''],
  ['of a panel', PANEL],
])('on a node %s a client’s socket ends with the tokens of the config, and its token with it', async (_, panel) => {
  const host = await scratchHost(panel);
  const { daemon, url, call } = await runDaemonOn(host);
  const { data } = (await call(PATH)).body as { data: { token: string; socket: string } };
  const page = new Page(data.socket, url);
  await page.send('auth', data.token);
  await eventually(() => page.frames.some(({ event }) => event === 'stats'));
  daemon.reload(parseConfig('config.yml', host.config.replace(TOKEN, 'another-token-of-sixteen-or-more'), {}));
  expect(await page.closed).toEqual([1012, 'the tokens were changed']);
  const again = new Page(data.socket, url);
  await again.send('auth', data.token);
  expect((await again.take(1))[0]).toMatchObject({
    event: 'jwt error',
    args: [expect.stringContaining('jwt: created too far in past (denylist)')],
  });
});

test('whom the panel shut out of one run of a node, the next lets in no more than that', async () => {
  const host = await scratchHost(PANEL);
  const first = await runDaemonOn(host);
  const created = await first.call(`/api/servers/${GAME_SERVER}/backups`, { body: {} });
  const { id } = created.body as { id: string };
  const linkOf = (user: string) => {
    const subject = { flavour: 'pterodactyl', panelUrl: 'http://127.0.0.1:9', daemonUrl: first.url } as const;
    const claims = { ...subject, user: { id: 1, uuid: user }, server: GAME_SERVER, now: Date.now(), scoped: true };
    return `/download/backup?token=${signToken(downloadClaims(claims, id), NODE_TOKEN)}`;
  };
  const [shutOut, other] = [linkOf(randomUUID()), linkOf(randomUUID())];
  const { user_uuid: user } = JSON.parse(Buffer.from(shutOut.split('.')[1] ?? '', 'base64url').toString()) as {
    user_uuid: string;
  };
  const denied = await fetch(`${first.url}/api/deauthorize-user`, {
    method: 'POST',
    headers: { authorization: `Bearer ${NODE_TOKEN}` },
    body: JSON.stringify({ user, servers: [GAME_SERVER] }),
  });
  expect(denied.status).toBe(204);
  await first.daemon.stop();
  const { url } = await runDaemonOn(host);
  expect((await fetch(url + shutOut)).status).toBe(404);
  expect((await fetch(url + other)).status).toBe(200);
});
