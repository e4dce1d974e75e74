import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/config/secret.ts';
import type { Dialect } from '../../../src/protocols/dialect.ts';
import { stellarStackOssDialect } from '../../../src/protocols/stellar/stellarstack-oss.ts';
import { stellarStackDialect } from '../../../src/protocols/stellar/stellarstack.ts';
import { TokenDenylist } from '../../../src/protocols/wings/tokens/denylist.ts';
import { nodeSocketDialect } from '../../../src/protocols/wings/node-socket.ts';
import { eventually } from '../../support/eventually.ts';
import { listeningNode } from '../../support/listening-node.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { ADMIN, openNativeApp, tokenWith } from '../../support/native-app.ts';
import { openPanelNode, Page } from '../../support/panel-node.ts';
import { scratchCatalogue } from '../../support/scratch-catalogue.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../support/scripted-service.ts';
import { ALL_FLAVOURS } from '../../support/wings-app.ts';
import type { BackupId } from '../../../src/base/ids.ts';

const PATH = `/api/client/servers/${SERVER}/websocket`;
const READER = 'reader-secret-of-sixteen';
const OTHER = 'other-secret-of-sixteen';
const TOKENS = [
  tokenWith('admin', ADMIN),
  tokenWith('reader', READER, { permissions: ['backup.read'], servers: [SERVER] }),
  tokenWith('creator', OTHER, { permissions: ['backup.create'] }),
];
const made = {
  server: SERVER,
  backup: UNKNOWN as BackupId,
  type: 'backup.completed',
  data: { sha256: 'ab', size: 1 },
} as const;

interface Access {
  readonly token: string;
  readonly socket: string;
}

async function accessOf(url: string, token = ADMIN): Promise<Access> {
  // Asked for under the address that the socket is then opened at.
  const answer = await fetch(url + PATH, { headers: { authorization: `Bearer ${token}` } });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { data: Access }).data;
}

async function openNode(before: readonly Dialect[] = []) {
  const time = new ManualTime();
  const { catalogue } = await scratchCatalogue(time);
  const denylist = TokenDenylist.open(catalogue, time);
  const dialects = [...before, nodeSocketDialect(denylist, [])];
  const node = await listeningNode({ clock: time, timers: time, dialects, tokens: TOKENS });
  return { ...node, time, denylist, access: (token?: string) => accessOf(node.url, token) };
}

async function opened({ token, socket }: Access, origin: string | null): Promise<Page> {
  const page = new Page(socket, origin);
  await page.send('auth', token);
  await eventually(() => page.frames.length === 3);
  expect(page.frames[0]).toEqual({ event: 'auth success' });
  await page.heard();
  return page;
}

describe('what a client opens a server’s socket with', () => {
  test('is a token and an address that work from this node’s own origin, and without any', async () => {
    const { access, url, events } = await openNode();
    const given = await access();
    expect(given.socket).toBe(`${url.replace('http', 'ws')}/api/servers/${SERVER}/ws`);
    for (const origin of [url, null]) {
      const page = await opened(given, origin);
      events.emit(made);
      expect((await page.heard()).map(({ event }) => event)).toEqual([
        `backup completed:${UNKNOWN}`,
        'backup completed',
      ]);
    }
    expect(await new Page(given.socket, 'https://evil.test').opened).toBe(403);
  });

  test('says no more than the caller may do', async () => {
    const { access } = await openNode();
    const claims = async (token: string) =>
      JSON.parse(Buffer.from((await access(token)).token.split('.')[1] ?? '', 'base64url').toString()) as object;
    const reader = await claims(READER);
    expect(reader).toMatchObject({
      iss: 'roost',
      server_uuid: SERVER,
      scope: 'websocket',
      permissions: ['websocket.connect', 'backup.read'],
    });
    const admin = await claims(ADMIN);
    expect(admin).toMatchObject({ permissions: expect.arrayContaining(['backup.restore']) });
    expect(JSON.stringify(admin)).not.toMatch(/\*|node\.|reader-secret/);
    expect(reader).toMatchObject({ user_uuid: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect((admin as { user_uuid: string }).user_uuid).not.toBe((reader as { user_uuid: string }).user_uuid);
  });

  test('opens the socket of that server alone', async () => {
    const { access, url, events } = await openNode();
    const { token, socket } = await access();
    const page = new Page(socket.replace(SERVER, OTHER_SERVER), url);
    await page.send('auth', token);
    expect((await page.take(2))[1]).toEqual({ event: 'jwt error', args: ['jwt: server uuid mismatch'] });
    events.emit({ ...made, server: OTHER_SERVER });
    expect((await page.heard()).map(({ event }) => event)).toEqual(['jwt error']);
  });

  test('is given to holders of the server who may read its backups', async () => {
    const { call } = openNativeApp({ tokens: TOKENS });
    const statusOf = async (path: string, token: string) => (await call('GET', path, { token })).status;
    expect(await statusOf(PATH, '')).toBe(401);
    expect(await statusOf(PATH, 'wrong-wrong-wrong-wrong')).toBe(401);
    expect(await statusOf(PATH, OTHER)).toBe(403);
    expect(await statusOf(PATH, READER)).toBe(200);
    expect(await statusOf(PATH.replace(SERVER, SERVER.slice(0, 8)), READER)).toBe(200);
    for (const server of [OTHER_SERVER, UNKNOWN])
      expect(await statusOf(PATH.replace(SERVER, server), READER)).toBe(404);
    expect(await statusOf(PATH.replace(SERVER, UNKNOWN), ADMIN)).toBe(404);
  });

  test('names the public address where there is one', async () => {
    const api = { publicUrl: 'https://node.test/roost', trustedProxies: [], tls: null };
    const { call } = openNativeApp({ api });
    expect((await call('GET', PATH)).body).toEqual({
      data: { token: expect.any(String), socket: `wss://node.test/roost/api/servers/${SERVER}/ws` },
    });
  });

  test('lasts ten minutes; the page is told in time, and goes on with another', async () => {
    const { access, url, time, events } = await openNode();
    const page = await opened(await access(), url);
    const heard: string[] = [];
    for (let passed = 0; passed < 570; passed += 30) {
      time.advance(30_000);
      heard.push(...(await page.heard()).map(({ event }) => event));
    }
    expect(heard).toEqual(['token expiring', 'token expiring']);
    await page.send('auth', (await access()).token);
    expect(await page.take(1)).toEqual([{ event: 'auth success' }]);
    time.advance(30_000);
    expect(await page.heard()).toEqual([]);
    events.emit(made);
    expect(await page.heard()).toHaveLength(2);
  });

  test('ends when the tokens of the config change, and does not come back', async () => {
    const { access, url, denylist, time } = await openNode();
    const given = await access();
    const page = await opened(given, url);
    denylist.denyOwn();
    expect((await page.closed)[0]).toBe(1008);
    const again = new Page(given.socket, url);
    await again.send('auth', given.token);
    expect((await again.take(1))[0]).toMatchObject({ event: 'jwt error' });
    time.advance(1000);
    await opened(await access(), url);
  });
});

describe('beside a panel', () => {
  test.each(ALL_FLAVOURS)('%s: the panel’s socket takes it, from this node’s own origin', async (flavour) => {
    const { url, socketToken, page } = await openPanelNode(flavour);
    const { token, socket } = await accessOf(url);
    const client = new Page(socket, url);
    await client.send('auth', token);
    await eventually(() => client.frames.length === 3);
    expect(client.frames[0]?.event).toBe('auth success');
    expect((await page(socketToken())).socket.readyState).toBe(1);
    // A client that is no browser comes to a panel's node only where every origin may.
    expect(await new Page(socket, null).opened).toBe(flavour === 'calagopus' ? undefined : 403);
  });

  const connection = { url: 'https://panel.test', tokenId: 'node-id', token: new Secret('ab'.repeat(32)) };

  test('StellarStack has its own socket under the same address', async () => {
    const { access, url } = await openNode([stellarStackDialect(connection)]);
    const given = await access();
    await opened(given, url);
    const panels = new Page(`${given.socket}?token=${given.token}`, null);
    expect((await panels.closed)[0]).toBe(1008);
    expect(panels.frames).toEqual([{ event: 'jwt error', args: [expect.anything()] }]);
  });

  test('StellarStack OSS has none', async () => {
    const { access, url } = await openNode([stellarStackOssDialect(connection, new ManualTime())]);
    await opened(await access(), url);
  });
});
