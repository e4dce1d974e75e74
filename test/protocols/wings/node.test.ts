import os from 'node:os';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/config/secret.ts';
import { NodeCredentials } from '../../../src/protocols/wings/tokens/node-credentials.ts';
import { ADMIN } from '../../support/native-app.ts';
import { SERVER, UNKNOWN } from '../../support/scripted-service.ts';
import { ALL_FLAVOURS, NODE_TOKEN, NODE_TOKEN_ID, openWingsApp, PANEL_URL } from '../../support/wings-app.ts';

describe('the system', () => {
  test('has the keys that panels require, and no others', async () => {
    for (const flavour of ALL_FLAVOURS) {
      const { call } = await openWingsApp(flavour);
      const { status, body } = await call('GET', '/api/system');
      expect([status, body]).toEqual([
        200,
        {
          architecture: expect.stringMatching(/^\w+$/),
          cpu_count: os.availableParallelism(),
          kernel_version: os.release(),
          os: 'linux',
          version: flavour === 'calagopus' ? '1.2.3:roost' : '1.2.3',
        },
      ]);
    }
  });

  test('has a longer shape, which Calagopus’ panel does not know', async () => {
    for (const flavour of ALL_FLAVOURS) {
      const { call } = await openWingsApp(flavour);
      const { body } = await call('GET', '/api/system?v=2');
      if (flavour === 'calagopus') {
        expect(body).not.toHaveProperty('docker');
        continue;
      }
      expect(body).toMatchObject({
        version: '1.2.3',
        docker: { containers: { total: 0, running: 0, paused: 0, stopped: 0 } },
        system: { cpu_threads: os.availableParallelism(), memory_bytes: os.totalmem(), os_type: 'linux' },
      });
    }
  });
});

describe('what every answer carries', () => {
  test('the panel’s origin, and what browsers may send', async () => {
    const { call } = await openWingsApp('pterodactyl');
    for (const token of [NODE_TOKEN, 'wrong', ADMIN]) {
      const { headers } = await call('GET', '/api/system', { token });
      expect(Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control')))).toEqual({
        'access-control-allow-origin': PANEL_URL,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET, POST, PATCH, PUT, DELETE, OPTIONS',
        'access-control-allow-headers':
          'Accept, Accept-Encoding, Authorization, Cache-Control, Content-Type, Content-Length, Origin, X-Real-IP, X-CSRF-Token',
        'access-control-max-age': '7200',
      });
    }
  });

  test.each([
    [PANEL_URL, [], PANEL_URL],
    ['https://evil.test', [], PANEL_URL],
    ['https://evil.test', ['https://other.test'], PANEL_URL],
    ['https://other.test', ['https://one.test', 'https://other.test'], 'https://other.test'],
    ['https://other.test', ['*', 'https://other.test'], '*'],
    [PANEL_URL, ['*'], PANEL_URL],
    ['null', ['https://other.test'], PANEL_URL],
  ])('from %s, with %j allowed, the origin %s', async (origin, allowedOrigins, expected) => {
    const { call } = await openWingsApp('pelican', { allowedOrigins });
    const { headers } = await call('GET', '/api/system', { headers: { origin } });
    expect(headers.get('access-control-allow-origin')).toBe(expected);
  });

  test('a preflight ends before anybody is asked for a token', async () => {
    for (const flavour of ALL_FLAVOURS) {
      const { call, service } = await openWingsApp(flavour);
      for (const path of ['/api/system', `/api/servers/${SERVER}/backup`, `/api/servers/${UNKNOWN}`, '/upload/file']) {
        const answer = await call('OPTIONS', path, { token: '', headers: { origin: PANEL_URL } });
        expect([path, answer.status, answer.text]).toEqual([path, 204, '']);
        expect(answer.headers.get('access-control-allow-origin')).toBe(PANEL_URL);
      }
      expect(service.calls).toEqual([]);
    }
  });

  test('a request id of the node’s own, the same in the body and in the log', async () => {
    const { call, service, logged } = await openWingsApp('pterodactyl');
    service.failWith('create', new Error('broken'));
    const answer = await call('POST', `/api/servers/${SERVER}/backup`, {
      headers: { 'x-request-id': 'chosen-by-somebody-else' },
      body: { adapter: 'wings', uuid: UNKNOWN },
    });
    expect(answer.headers.get('x-request-id')).toBe('a-new-request-id');
    expect(answer.body).toMatchObject({ request_id: 'a-new-request-id' });
    expect(logged.find((line) => line.includes('Request failed'))).toContain('a-new-request-id');
    expect(logged.join('')).not.toContain('chosen-by-somebody-else');
  });

  test('for Pelican who the node is, on errors too; for the others not', async () => {
    for (const flavour of ALL_FLAVOURS) {
      const { call } = await openWingsApp(flavour);
      const identity = flavour === 'pelican' ? `Pelican Wings/v1.2.3 (id:${NODE_TOKEN_ID})` : null;
      for (const [method, path, token, status] of [
        ['GET', '/api/system', NODE_TOKEN, 200],
        ['GET', '/api/servers', NODE_TOKEN, 200],
        // Without it here the panel takes a deletion that succeeded for a node that is not its own.
        ['DELETE', `/api/servers/${SERVER}/backup/${UNKNOWN}`, NODE_TOKEN, 404],
        ['DELETE', `/api/servers/${UNKNOWN}/backup/${UNKNOWN}`, NODE_TOKEN, 404],
        ['DELETE', `/api/servers/${UNKNOWN}`, NODE_TOKEN, 404],
        ['POST', `/api/servers/${SERVER}/power`, NODE_TOKEN, 404],
        ['POST', '/api/update', '', 401],
      ] as const) {
        const answer = await call(method, path, { token });
        expect([path, answer.status, answer.headers.get('user-agent')]).toEqual([path, status, identity]);
      }
    }
  });

  test('nothing of it on the paths of other dialects', async () => {
    const { call } = await openWingsApp('pelican');
    for (const path of ['/health', '/api/jobs', `/api/client/servers/${SERVER}/backups`]) {
      const { headers } = await call('GET', path, { token: ADMIN });
      expect([path, headers.get('access-control-allow-origin'), headers.get('user-agent')]).toEqual([path, null, null]);
    }
  });
});

describe('what is not served', () => {
  test.each(ALL_FLAVOURS)('%s: says so, whatever the server', async (flavour) => {
    const { call, service } = await openWingsApp(flavour);
    for (const server of [SERVER, UNKNOWN]) {
      for (const [method, name] of [
        ['POST', 'power'],
        ['POST', 'commands'],
        ['POST', 'reinstall'],
        ['GET', 'logs'],
        ['GET', 'files/list-directory'],
        ['POST', 'files/write'],
        ['DELETE', 'transfer'],
      ] as const) {
        const answer = await call(method, `/api/servers/${server}/${name}`);
        expect(answer).toMatchObject({
          status: 404,
          body: { error: `This node runs Roost, which only keeps backups: ${name} is not served here.` },
        });
      }
    }
    for (const path of ['/api/system/ips', '/api/system/utilization', '/api/diagnostics', '/download/file?token=x']) {
      expect([path, (await call('GET', path)).status]).toEqual([path, 404]);
    }
    expect(service.calls).toEqual([]);
  });

  test('no path that is asked for can forge a line of the answer', async () => {
    const { call } = await openWingsApp('pterodactyl');
    const { text } = await call('GET', `/api/servers/${SERVER}/files/%0A%1B[2J${'x'.repeat(5000)}`);
    for (const letter of ['\n', '\u001b']) expect(text).not.toContain(letter);
    expect(text.length).toBeLessThan(300);
  });
});

describe('revocation', () => {
  test.each(ALL_FLAVOURS)('%s: of tokens by their ids', async (flavour) => {
    const { call, denylist } = await openWingsApp(flavour);
    const changes: unknown[] = [];
    denylist.onChange((change) => changes.push(change));
    const body = { jtis: ['d41d8cd98f00b204e9800998ecf8427e'] };
    const answer = await call('POST', `/api/servers/${SERVER}/ws/deny`, { body });
    expect([answer.status, answer.text]).toEqual(flavour === 'calagopus' ? [200, '{}'] : [204, '']);
    expect(changes).toEqual([{ kind: 'denied' }]);
  });

  test.each([
    { user: UNKNOWN, servers: [SERVER] },
    { user: UNKNOWN, servers: [] },
    { json: { user: UNKNOWN, servers: [] } },
  ])('of a user, as %j', async (body) => {
    for (const flavour of ALL_FLAVOURS) {
      const { call, denylist } = await openWingsApp(flavour);
      const changes: unknown[] = [];
      denylist.onChange((change) => changes.push(change));
      const answer = await call('POST', '/api/deauthorize-user', { body });
      expect([answer.status, answer.text]).toEqual(flavour === 'calagopus' ? [200, '{}'] : [204, '']);
      expect(changes).toEqual([{ kind: 'denied' }]);
    }
  });

  test('of a user without a list of servers is refused: none would mean all', async () => {
    const { call, denylist } = await openWingsApp('pterodactyl');
    let changes = 0;
    denylist.onChange(() => changes++);
    for (const body of [{ user: UNKNOWN }, { json: { user: UNKNOWN } }, { user: UNKNOWN, servers: null }]) {
      expect((await call('POST', '/api/deauthorize-user', { body })).status).toBe(400);
    }
    expect(changes).toBe(0);
  });
});

const NEXT = { token_id: 'the-next-token-id', token: 'next-token-'.padEnd(64, 'z') };

describe('a new token of the node', () => {
  test.each(ALL_FLAVOURS)('%s: counts from the next request on, and the old one no more', async (flavour) => {
    const { call, credentials, logged } = await openWingsApp(flavour);
    let rotations = 0;
    credentials.onRotate(() => rotations++);
    const { key } = credentials;
    const body = { debug: false, uuid: UNKNOWN, ...NEXT, api: { port: 8080 }, remote: 'https://elsewhere.test' };
    const answer = await call('POST', '/api/update', { body });
    expect([answer.status, answer.text]).toEqual([200, '{"applied":true}']);
    expect((await call('POST', '/api/update', { body })).status).toBe(flavour === 'calagopus' ? 401 : 403);
    const after = await call('GET', '/api/system', { token: NEXT.token });
    expect(after.status).toBe(200);
    if (flavour === 'pelican') expect(after.headers.get('user-agent')).toContain(`(id:${NEXT.token_id})`);
    expect([credentials.tokenId, rotations]).toEqual([NEXT.token_id, 1]);
    expect(Buffer.from(credentials.key).toString()).toBe(NEXT.token);
    expect(credentials.key).not.toEqual(key);
    expect(logged.join('')).not.toContain(NEXT.token);
  });

  test('is still the token after a restart', async () => {
    const { call, catalogue } = await openWingsApp('pelican');
    await call('POST', '/api/update', { body: NEXT });
    const again = NodeCredentials.open({ tokenId: NODE_TOKEN_ID, token: new Secret(NODE_TOKEN) }, catalogue.keys);
    expect([again.tokenId, again.token]).toEqual([NEXT.token_id, NEXT.token]);
    expect([again.matches(NEXT.token), again.matches(NODE_TOKEN), again.matches('')]).toEqual([true, false, false]);
  });

  test('gives way to one that the operator writes into the config', async () => {
    const { call, catalogue } = await openWingsApp('pelican');
    await call('POST', '/api/update', { body: NEXT });
    for (const connection of [
      { tokenId: NODE_TOKEN_ID, token: new Secret('a third token of the node') },
      { tokenId: 'another-id', token: new Secret(NODE_TOKEN) },
    ]) {
      const opened = NodeCredentials.open(connection, catalogue.keys);
      expect([opened.tokenId, opened.token]).toEqual([connection.tokenId, connection.token.reveal()]);
    }
  });

  test('that cannot be kept does not count', async () => {
    const { call, catalogue } = await openWingsApp('pterodactyl');
    const keys = { ...catalogue.keys, getText: () => undefined, setText: () => fail('the disk is full') };
    const credentials = NodeCredentials.open({ tokenId: NODE_TOKEN_ID, token: new Secret(NODE_TOKEN) }, keys);
    const broken = await openWingsApp('pterodactyl', { credentials });
    expect((await broken.call('POST', '/api/update', { body: NEXT })).status).toBe(500);
    expect((await broken.call('GET', '/api/system')).status).toBe(200);
    expect((await broken.call('GET', '/api/system', { token: NEXT.token })).status).toBe(403);
    expect((await call('GET', '/api/system')).status).toBe(200);
  });

  test('whose half is missing keeps the other half; the same one changes nothing', async () => {
    const { call, credentials, catalogue } = await openWingsApp('pterodactyl');
    for (const body of [{}, { token: NODE_TOKEN, token_id: NODE_TOKEN_ID }, { token: null }, { debug: true }]) {
      expect((await call('POST', '/api/update', { body })).body).toEqual({ applied: true });
    }
    expect(catalogue.keys.getText('panel-node-token')).toBeUndefined();
    await call('POST', '/api/update', { body: { token: NEXT.token } });
    expect([credentials.tokenId, credentials.token]).toEqual([NODE_TOKEN_ID, NEXT.token]);
  });

  test('what was kept and is damaged gives way to the config', async () => {
    const { catalogue } = await openWingsApp('pelican');
    for (const text of ['', '{', '[]', 'null', '{"tokenId":"x","token":""}']) {
      catalogue.keys.setText('panel-node-token', text);
      const opened = NodeCredentials.open({ tokenId: NODE_TOKEN_ID, token: new Secret(NODE_TOKEN) }, catalogue.keys);
      expect(opened.token).toBe(NODE_TOKEN);
    }
  });
});

function fail(message: string): never {
  throw new Error(message);
}
