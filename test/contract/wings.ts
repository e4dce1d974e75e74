/**
 * What the front relies on in a Wings, held against the double and, where `WINGS_BIN` and `WINGS_FLAVOUR` name one,
 * against a real one, so that the double cannot drift from the truth.
 */
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { type Claims, signToken, socketClaims } from '../support/panel/jwt.ts';
import type { PanelFlavour } from '../support/panel/flavours.ts';
import { headerOf, rawRequest } from '../support/wings/raw-request.ts';

export interface WingsUnderTest {
  readonly flavour: PanelFlavour;
  readonly port: number;
  readonly token: string;
  /** The origin of the panel's pages. */
  readonly panelUrl: string;
  readonly server: string;
  /** Wings' file as it is now. */
  readonly file: () => Readonly<Record<string, unknown>>;
}

const USER = { id: 7, uuid: '5b5b8c0e-0f3a-4b57-9a2c-6f0f3c1f7a11' };
const UNKNOWN = 'ffffffff-0000-4000-8000-000000000000';

export function wingsContract(name: string, open: () => Promise<WingsUnderTest>): void {
  const ask = (wings: WingsUnderTest, method: string, target: string, { token = wings.token, body = '' } = {}) => {
    const bearer = token === '' ? [] : [`Authorization: Bearer ${token}`];
    const framed = body === '' && method === 'GET' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
    const lines = [
      `${method} ${target} HTTP/1.1`,
      'Host: node.test',
      'Content-Type: application/json',
      ...bearer,
      ...framed,
    ];
    return rawRequest(wings.port, `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`);
  };

  test(`${name}: who has no token, or another, is refused in its words`, async () => {
    const wings = await open();
    const none = await ask(wings, 'GET', '/api/system', { token: '' });
    const other = await ask(wings, 'GET', '/api/system', { token: 'another' });
    const rust = wings.flavour === 'calagopus';
    expect([none.status, other.status]).toEqual(rust ? [401, 401] : [401, 403]);
    expect((JSON.parse(none.body) as { error: string }).error).toBe(
      rust ? 'invalid authorization header' : 'The required authorization heads were not present in the request.',
    );
    expect(headerOf(none, 'access-control-allow-origin')).toBe(wings.panelUrl);
    expect((await ask(wings, 'GET', '/api/system')).status).toBe(200);
  });

  test(`${name}: which path is matched`, async () => {
    const wings = await open();
    const decodes = wings.flavour !== 'calagopus';
    expect((await ask(wings, 'GET', '/%61pi/system')).status).toBe(decodes ? 200 : 404);
    expect((await ask(wings, 'GET', `/api/servers//logs`)).status).toBeGreaterThanOrEqual(400);
    expect((await ask(wings, 'GET', '/nowhere')).status).toBe(404);
    expect((await ask(wings, 'GET', `/api/servers/${UNKNOWN}`)).status).toBe(404);
    expect((await ask(wings, 'GET', `/api/servers/${wings.server}`)).status).toBe(200);
  });

  test(`${name}: the states of servers`, async () => {
    const wings = await open();
    const servers = JSON.parse(
      (await ask(wings, 'GET', '/api/servers')).body.replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, ''),
    ) as {
      state: string;
      configuration: { uuid: string };
    }[];
    expect(servers.find(({ configuration }) => configuration.uuid === wings.server)?.state).toBe('offline');
  });

  test(`${name}: power and commands answer before anything is done`, async () => {
    const wings = await open();
    const target = `/api/servers/${wings.server}`;
    expect((await ask(wings, 'POST', `${target}/power`, { body: '{"action":"fly"}' })).status).toBe(422);
    // Of a server that has no container yet; one that has stopped is answered 502.
    expect((await ask(wings, 'POST', `${target}/commands`, { body: '{"commands":["x"]}' })).status).toBe(500);
    expect((await ask(wings, 'POST', `${target}/power`, { body: '{"action":"stop"}' })).status).toBe(202);
  });

  test(`${name}: a push takes the address, in each spelling of the keys`, async () => {
    const wings = await open();
    const body = '{"API":{"PORT":12345,"upload_limit":77}}';
    const answer = await ask(wings, 'POST', '/api/update', { body });
    expect([answer.status, answer.body.includes('"applied":true')]).toEqual([200, true]);
    expect(wings.file()['api']).toMatchObject({ port: 12_345, upload_limit: 77 });
  });

  test(`${name}: sockets ask for an origin and a server, and take a token`, async () => {
    const wings = await open();
    const url = `ws://127.0.0.1:${wings.port}/api/servers`;
    const refused = async (target: string, origin: string): Promise<number> => {
      const socket = new WebSocket(target, { origin });
      socket.on('error', () => undefined);
      return new Promise((resolve) =>
        socket.once('unexpected-response', (_, { statusCode = 0 }) => resolve(statusCode)),
      );
    };
    expect(await refused(`${url}/${UNKNOWN}/ws`, wings.panelUrl)).toBe(404);
    expect(await refused(`${url}/${wings.server}/ws`, 'https://evil.test')).toBe(403);
    const socket = new WebSocket(`${url}/${wings.server}/ws`, { origin: wings.panelUrl });
    const frames: { event: string; args?: string[] }[] = [];
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as { event: string }));
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send('{"event":"send logs","args":[]}');
    await eventually(() =>
      frames.some(({ event, args }) => event === 'jwt error' && /no jwt present/.test(args?.[0] ?? '')),
    );
    const subject = {
      flavour: wings.flavour,
      panelUrl: wings.panelUrl,
      daemonUrl: 'x',
      user: USER,
      server: wings.server,
    };
    const claims: Claims = socketClaims({ ...subject, now: Date.now() + 2000, scoped: false }, ['*']);
    // Keys in any case are read, so what looks at frames before must not take them for none.
    socket.send(JSON.stringify({ EVENT: 'auth', Args: [signToken({ ...claims, nbf: 0 }, wings.token)] }));
    await eventually(() => frames.some(({ event }) => event === 'status'));
    expect(frames.map(({ event }) => event).slice(1, 3)).toEqual(['auth success', 'status']);
    socket.terminate();
  });
}
