/** A front before a Wings, over real sockets. */
import fs from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readPush } from '../../../../src/servers/panel-push.ts';
import { eventually } from '../../../support/eventually.ts';
import { ManualTime } from '../../../support/manual-time.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import { SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { headerOf, rawRequest } from '../../../support/wings/raw-request.ts';
import { openWings, WINGS_TOKEN } from '../../../support/wings/wings.ts';

const BACKUP = '7a1c7b52-1f0a-4a7e-8f8e-2d9b7f6c5a41';
const FLAVOURS = ['pterodactyl', 'pelican', 'calagopus'] as const;

function head(method: string, target: string, headers: readonly string[] = [], version = '1.1'): string {
  const lines = [`${method} ${target} HTTP/${version}`, 'Host: node.test', ...headers, 'Connection: close'];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const AUTHORIZED = `Authorization: Bearer ${WINGS_TOKEN}`;

describe('check 1: every route through the front as direct', () => {
  const routes: readonly (readonly [string, string, string?])[] = [
    ['GET', '/api/system'],
    ['GET', '/api/system?v=2'],
    ['GET', '/api/servers'],
    ['GET', `/api/servers/${SERVER}`],
    ['GET', `/api/servers/${BACKUP}`],
    ['GET', `/api/servers/${SERVER}/logs`],
    ['POST', `/api/servers/${SERVER}/power`, '{"action":"start"}'],
    ['POST', `/api/servers/${SERVER}/power`, '{"action":"fly"}'],
    ['POST', `/api/servers/${SERVER}/commands`, '{"commands":["say hi"]}'],
    ['POST', `/api/servers/${SERVER}/install`],
    ['POST', `/api/servers/${SERVER}/reinstall`],
    ['POST', `/api/servers/${SERVER}/sync`],
    ['POST', `/api/servers/${SERVER}/transfer`, '{}'],
    ['POST', `/api/servers/${SERVER}/ws/deny`, '{"jtis":["x"]}'],
    ['POST', '/api/deauthorize-user', '{"user":"u","servers":[]}'],
    ['GET', `/api/servers/${SERVER}/files/contents?file=a`],
    ['POST', `/api/servers/${SERVER}/files/write?file=a`, 'text'],
    ['PUT', `/api/servers/${SERVER}/files/rename`, '{}'],
    ['GET', '/download/file?token=x'],
    ['POST', '/upload/file?token=x', 'x'],
    ['OPTIONS', '/upload/file'],
    ['GET', '/nowhere'],
    ['GET', '/'],
  ];

  test.each(FLAVOURS)('of %s: status, reason, headers and body are equal', async (flavour) => {
    const wings = await openWings({ flavour, servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    for (const [method, target, body] of routes) {
      for (const headers of [[AUTHORIZED], [], ['Authorization: Bearer another']]) {
        const framed = body === undefined ? headers : [...headers, `Content-Length: ${body.length}`];
        const text = `${head(method, target, framed)}${body ?? ''}`;
        const direct = await rawRequest(wings.port, text);
        const through = await rawRequest(port, text);
        expect([target, comparable(through)]).toEqual([target, comparable(direct)]);
      }
    }
  });

  test.each(FLAVOURS)('of %s: backup routes never reach Wings', async (flavour) => {
    const wings = await openWings({ flavour, servers: [SERVER] });
    const { port, service } = await openFrontNode(wings);
    const body = JSON.stringify({ adapter: 'wings', uuid: BACKUP, ignore: '' });
    const headers = [AUTHORIZED, 'Content-Type: application/json', `Content-Length: ${body.length}`];
    const made = await rawRequest(port, `${head('POST', `/api/servers/${SERVER}/backup`, headers)}${body}`);
    expect(made.status).toBe(202);
    expect(service.calls.map(({ method }) => method)).toContain('create');
    const preflight = await rawRequest(port, head('OPTIONS', '/download/backup'));
    expect(preflight.status).toBe(204);
    expect(headerOf(preflight, 'access-control-allow-origin')).toBe('https://panel.test');
    expect((await rawRequest(port, head('GET', '/download/backup?token=x'))).status).toBeGreaterThan(399);
    expect(wings.received).toEqual([]);
  });

  test('of Calagopus: an encoded path that its router would not match is refused', async () => {
    const wings = await openWings({ flavour: 'calagopus', servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    const { status } = await rawRequest(port, head('POST', `/api/servers/${SERVER}/%62ackup`, [AUTHORIZED]));
    expect([status, wings.received]).toEqual([400, []]);
  });
});

describe('check 3: the address that Wings believes', () => {
  const FORGERIES = [
    'X-Forwarded-For: 6.6.6.6',
    'x-forwarded-for: 6.6.6.6, 127.0.0.1',
    'X-FORWARDED-FOR: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7',
    'X-Forwarded-For: ::1',
    'X-Forwarded-For:',
    'X-Forwarded-For: unknown',
    'X-Real-IP: 6.6.6.6',
    'x-real-ip: 6.6.6.6',
    'Forwarded: for=6.6.6.6',
    'X-Forwarded: 6.6.6.6',
    'X-Forwarded-Host: other.test',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Server: other.test',
    'X-Forwarded-For : 6.6.6.6',
    'Connection: X-Forwarded-For\r\nX-Forwarded-For: 6.6.6.6',
    'Proxy-Client-IP: 6.6.6.6',
    'X-Forwarded-For: 6.6.6.6\r\nConnection: keep-alive',
    'X-Forwarded-For: "6.6.6.6"',
    'X-Forwarded-For: 6.6.6.6:80',
    'X-Forwarded-For: 2001:db8::1',
  ];

  test('is the peer in each of 20 forgeries', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    for (const forged of FORGERIES) await rawRequest(port, head('GET', '/api/system', [AUTHORIZED, forged]));
    expect(new Set(wings.activity)).toEqual(new Set(['127.0.0.1']));
    const names = wings.received.flatMap(({ rawHeaders }) => rawHeaders.filter((_, index) => index % 2 === 0));
    expect(names.filter((name) => /real-ip|^forwarded$|proxy-/i.test(name))).toEqual([]);
    for (const { rawHeaders } of wings.received) expect(rawHeaders).toContain('X-Forwarded-Host');
  });

  test('is the client where a trusted proxy says so, and no hop before it', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { port } = await openFrontNode(wings, { trustedProxies: ['127.0.0.1'] });
    const forged = ['X-Forwarded-For: 6.6.6.6, 203.0.113.9', 'X-Forwarded-Proto: https'];
    await rawRequest(port, head('GET', '/api/system', [AUTHORIZED, ...forged]));
    expect(wings.activity).toEqual(['203.0.113.9']);
    expect(wings.received[0]?.rawHeaders.join()).toContain('X-Forwarded-Proto,https');
  });
});

describe('check 5: one side goes', () => {
  test('a client that goes is told to Wings at once', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { url } = await openFrontNode(wings);
    let gone = false;
    wings.script = (incoming) => {
      incoming.socket.once('close', () => (gone = true));
      return true;
    };
    const request = http.get(`${url}/api/system`);
    request.on('error', () => undefined);
    await eventually(() => wings.received.length === 1);
    request.destroy();
    await eventually(() => gone);
  });

  test('a truncated answer is a broken connection, 100 of 100, framed by length, chunks, or for HTTP/1.0', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    let chunked = false;
    wings.script = (_, outgoing) => {
      outgoing.writeHead(200, chunked ? {} : { 'Content-Length': '100000' });
      outgoing.write('a part', () => setImmediate(() => outgoing.socket?.resetAndDestroy()));
      return true;
    };
    for (let count = 0; count < 100; count++) {
      chunked = count % 2 === 0;
      const version = count % 3 === 0 ? '1.0' : '1.1';
      const answer = await rawRequest(port, head('GET', '/api/system', [], version));
      // With a length or chunks the end is missing; without either, only a reset tells.
      const whole =
        version === '1.0' && chunked ? !answer.reset && answer.status === 200 : answer.text.endsWith('0\r\n\r\n');
      expect(whole).toBe(false);
    }
  });
});

describe('check 8: corners of HTTP', () => {
  test('HEAD, 204, 304, HTTP/1.0, trailers and repeated cookies', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    wings.script = ({ url }, outgoing) => {
      if (url === '/204') outgoing.writeHead(204, { 'X-A': '1' }).end();
      else if (url === '/304') outgoing.writeHead(304, { ETag: '"x"', 'Content-Length': '5' }).end();
      else if (url === '/cookies') outgoing.writeHead(200, 'Fine', ['Set-Cookie', 'a', 'sEt-cookie', 'b']).end('x');
      else if (url === '/trailers') {
        outgoing.writeHead(200, { Trailer: 'X-Sum' });
        outgoing.addTrailers({ 'X-Sum': '1' });
        outgoing.end('body');
      } else outgoing.writeHead(200, { 'Content-Length': '4' }).end('body');
      return true;
    };
    const looked = await rawRequest(port, head('HEAD', '/x'));
    expect([looked.status, headerOf(looked, 'content-length'), looked.body]).toEqual([200, '4', '']);
    const none = await rawRequest(port, head('GET', '/204'));
    expect([none.status, none.body, headerOf(none, 'transfer-encoding')]).toEqual([204, '', undefined]);
    const same = await rawRequest(port, head('GET', '/304'));
    expect([same.status, headerOf(same, 'etag'), same.body]).toEqual([304, '"x"', '']);
    const old = await rawRequest(port, 'GET /x HTTP/1.0\r\n\r\n');
    expect([old.status, old.body]).toEqual([200, 'body']);
    const cookies = await rawRequest(port, head('GET', '/cookies'));
    expect(cookies.reason).toBe('Fine');
    expect(cookies.headers.filter(([name]) => /cookie/i.test(name))).toEqual([
      ['Set-Cookie', 'a'],
      ['sEt-cookie', 'b'],
    ]);
    const trailed = await rawRequest(port, head('GET', '/trailers'));
    expect([trailed.body.includes('body'), headerOf(trailed, 'trailer')]).toEqual([true, undefined]);
  });

  test('100 Continue comes once Wings is there, and a refusal comes instead of it', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    const expecting = ['Expect: 100-continue', 'Content-Length: 4'];
    const text = head('POST', '/upload/file?token=x', expecting);
    const answer = await rawRequest(port, text, { until: /continue/i });
    expect(answer.text).toMatch(/^HTTP\/1.1 100 Continue/);
    await wings.kill();
    const refused = await rawRequest(port, text, { until: /backups go on/ });
    expect(refused.status).toBe(503);
  });

  test('15 minutes of silence before an answer are no fault; a body that stands still for half an hour is', async () => {
    const time = new ManualTime();
    const wings = await openWings({ servers: [SERVER] });
    const { port } = await openFrontNode(wings, { timers: time });
    let answer: () => void = () => undefined;
    wings.script = (_, outgoing) => {
      answer = () => void outgoing.end('late');
      return true;
    };
    const waiting = rawRequest(port, head('GET', '/api/system'));
    await eventually(() => wings.received.length === 1);
    time.advance(15 * 60_000);
    time.advance(50 * 60_000);
    answer();
    expect((await waiting).body).toContain('late');

    const stalled = rawRequest(port, `${head('POST', '/upload/file', ['Content-Length: 100'])}a part`);
    await eventually(() => wings.received.length === 2);
    time.advance(61 * 60_000);
    expect((await stalled).status).toBe(0);
  });

  test('an answer that cannot be read is a 502, and a 101 that was not asked for is one, too', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    const answers = [
      'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    ];
    for (const answer of answers) {
      wings.script = ({ socket }) => socket.write(answer);
      expect((await rawRequest(port, head('GET', '/api/system'))).status).toBe(502);
    }
  });
});

describe('check 14: the panel pushes its configuration', () => {
  const PUSH = { debug: true, api: { host: '0.0.0.0', port: 8080, ssl: { enabled: true }, upload_limit: 5 } };

  test.each([
    JSON.stringify(PUSH),
    JSON.stringify({ ...PUSH, API: PUSH.api, api: undefined }),
    '{"debug":true,"aPi":{"hOst":"0.0.0.0","PORT":1,"\u017fsl":{"enabled":true},"upload_limit":5}}',
  ])('Wings keeps its address: %s', async (body) => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, authorized } = await openFrontNode(wings);
    const answer = await fetch(`${url}/api/update`, { method: 'POST', headers: authorized, body });
    expect([answer.status, await answer.json()]).toEqual([200, { applied: true }]);
    expect(wings.file.read()).toMatchObject({
      debug: true,
      api: { host: '127.0.0.1', port: wings.port, ssl: { enabled: false }, upload_limit: 5 },
    });
  });

  test('what cannot be read is never passed, whoever sends it', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, authorized } = await openFrontNode(wings);
    for (const headers of [authorized, {}]) {
      expect((await fetch(`${url}/api/update`, { method: 'POST', headers, body: '{"api":{"port":1}' })).status).toBe(
        400,
      );
    }
    expect(wings.received).toEqual([]);
  });

  test('a new token counts on both sides, before the answer is there', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, authorized, panel } = await openFrontNode(wings);
    const token = 'another-token-of-this-node'.padEnd(64, 'z');
    const body = JSON.stringify({ token_id: 'another-id-00001', token });
    expect((await fetch(`${url}/api/update`, { method: 'POST', headers: authorized, body })).status).toBe(200);
    expect([panel.credentials.tokenId, panel.credentials.matches(token)]).toEqual(['another-id-00001', true]);
    expect((await fetch(`${url}/api/system`, { headers: authorized })).status).toBe(403);
    expect((await fetch(`${url}/api/system`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  });

  test('a Wings that takes no token keeps the old one on both sides', async () => {
    const wings = await openWings({ flavour: 'calagopus', servers: [SERVER] });
    const { url, authorized, panel } = await openFrontNode(wings);
    const body = JSON.stringify({ token_id: 'another-id-00001', token: 'z'.repeat(64), api: {} });
    expect((await fetch(`${url}/api/update`, { method: 'POST', headers: authorized, body })).status).toBe(200);
    expect(panel.credentials.matches(WINGS_TOKEN)).toBe(true);
  });
});

test('what the panel pushed is kept for the doctor once Wings has taken it', async () => {
  const stateDirectory = await scratchDirectory();
  const wings = await openWings({ servers: [SERVER] });
  const { port } = await openFrontNode(wings, { stateDirectory });
  const push = (text: string) =>
    rawRequest(port, `${head('POST', '/api/update', [AUTHORIZED, `Content-Length: ${text.length}`])}${text}`);
  await push('{"api":{"port":443,"ssl":{"enabled":true}}}');
  expect(readPush(stateDirectory)).toEqual({ port: 443, tls: true });
  await push('no JSON');
  expect(readPush(stateDirectory)).toEqual({ port: 443, tls: true });
});

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

describe('check 16: a server is deleted', () => {
  test('its work is cancelled first; it is given up before the answer of Wings is passed on', async () => {
    const wings = await openWings({ flavour: 'pelican', servers: [SERVER] });
    const { url, authorized, service } = await openFrontNode(wings);
    let before: readonly string[] = [];
    wings.script = () => {
      before = service.calls.map(({ method }) => method);
      return false;
    };
    const answer = await fetch(`${url}/api/servers/${SERVER}`, { method: 'DELETE', headers: authorized });
    expect([answer.status, before]).toEqual([204, ['cancelWork']]);
    expect(service.calls).toContainEqual({
      method: 'removeServer',
      args: [SERVER, { backups: 'delete', cancel: true }],
    });
    expect(service.calls.map(({ method }) => method)).toContain('deleteForeignArchives');
  });

  test.each([
    ['Wings answers 500', 500],
    ['Wings refuses the token', 403],
  ])('its backups stay when %s', async (_, status) => {
    const wings = await openWings({ flavour: 'pelican', servers: [SERVER] });
    const { url, authorized, service } = await openFrontNode(wings);
    wings.script = (_incoming, outgoing) => {
      outgoing.writeHead(status).end();
      return true;
    };
    const answer = await fetch(`${url}/api/servers/${SERVER}`, { method: 'DELETE', headers: authorized });
    expect([answer.status, service.calls.map(({ method }) => method)]).toEqual([status, ['cancelWork']]);
  });

  test('strangers end nothing', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, service } = await openFrontNode(wings);
    expect((await fetch(`${url}/api/servers/${SERVER}`, { method: 'DELETE' })).status).toBe(401);
    expect(service.calls).toEqual([]);
  });
});

describe('check 18: Wings is away', () => {
  test.each(FLAVOURS)('of %s: 503 with its words and a time, never 502; served routes go on', async (flavour) => {
    const wings = await openWings({ flavour, servers: [SERVER] });
    const { url, port, authorized, service } = await openFrontNode(wings);
    await wings.kill();
    const command = JSON.stringify({ commands: ['say hi'] });
    const calls = [
      ['GET', '/api/system', undefined],
      ['POST', `/api/servers/${SERVER}/commands`, command],
      ['POST', `/api/servers/${SERVER}/sync`, '{}'],
      ['DELETE', `/api/servers/${SERVER}`, undefined],
    ] as const;
    for (const [method, path, body] of calls) {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: authorized,
        ...(body === undefined ? {} : { body }),
      });
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
      expect(await answer.json()).toMatchObject({ error: 'Wings does not answer on this node; backups go on.' });
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://panel.test');
      expect(answer.headers.get('x-request-id')).not.toBeNull();
    }
    expect((await rawRequest(port, head('OPTIONS', '/upload/file'))).status).toBe(204);
    const body = JSON.stringify({ adapter: 'wings', uuid: BACKUP, ignore: '' });
    const headers = { ...authorized, 'content-type': 'application/json' };
    expect((await fetch(`${url}/api/servers/${SERVER}/backup`, { method: 'POST', headers, body })).status).toBe(202);
    expect(service.calls.map(({ method }) => method)).toContain('create');
    await wings.start();
    expect((await fetch(`${url}/api/system`, { headers: authorized })).status).toBe(200);
  });

  test('a pooled connection that died is no fault of a GET', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, authorized } = await openFrontNode(wings);
    for (let count = 0; count < 10; count++) {
      expect((await fetch(`${url}/api/system`, { headers: authorized })).status).toBe(200);
      await wings.kill();
      await wings.start();
    }
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

type Raw = Awaited<ReturnType<typeof rawRequest>>;

function comparable({ status, reason, headers, body }: Raw) {
  const kept = headers
    .filter(([name]) => !['connection', 'keep-alive'].includes(name.toLowerCase()))
    .map(([name, value]) => [name, /^(date|x-request-id)$/i.test(name) ? '' : value] as const);
  return { status, reason, headers: kept, body: body.replace(/"request_id":"[^"]*"/, '') };
}

describe('check 16: a transfer to another node', () => {
  const body = JSON.stringify({ url: 'https://other.test/api/transfers', token: 't', backups: [BACKUP, '../x', 7] });
  const good = JSON.stringify({ url: 'https://other.test/api/transfers', token: 't', backups: [BACKUP] });
  const ask = (text: string, credential = AUTHORIZED) =>
    `${head('POST', `/api/servers/${SERVER}/transfer`, [credential, `Content-Length: ${text.length}`])}${text}`;

  test('finds the archives of Roost in the directory of Wings before Wings hears of it', async () => {
    const wings = await openWings({ flavour: 'pelican', servers: [SERVER] });
    const { port, service } = await openFrontNode(wings);
    let lentBefore = false;
    wings.script = () => {
      lentBefore = service.calls.some(({ method }) => method === 'lendArchives');
      return false;
    };
    expect((await rawRequest(port, ask(good))).status).toBe(202);
    expect(lentBefore).toBe(true);
    expect(service.calls.find(({ method }) => method === 'lendArchives')?.args).toEqual([
      SERVER,
      [BACKUP],
      expect.stringContaining('wings-backups'),
    ]);
    expect(wings.received.at(-1)?.body?.text).toBe(good);
  });

  test.each([
    ['of another panel', 'pterodactyl', good, AUTHORIZED],
    ['by a stranger', 'pelican', good, 'Authorization: Bearer another'],
    ['with names that are none', 'pelican', body, AUTHORIZED],
  ] as const)('lends nothing %s, and is passed as it came', async (_, flavour, text, credential) => {
    const wings = await openWings({ flavour, servers: [SERVER] });
    const { port, service } = await openFrontNode(wings);
    await rawRequest(port, ask(text, credential));
    expect(service.calls.map(({ method }) => method)).not.toContain('lendArchives');
    expect(wings.received.at(-1)?.body?.text).toBe(text);
  });

  test('takes back what was lent when its server is deleted', async () => {
    const wings = await openWings({ flavour: 'pelican', servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    const directory = (wings.file.read()['system'] as { backup_directory: string }).backup_directory;
    const mark = join(directory, SERVER, `${BACKUP}.tar.gz.lent-by-roost`);
    await fs.mkdir(join(directory, SERVER), { recursive: true });
    await fs.writeFile(mark, '');
    await rawRequest(port, head('DELETE', `/api/servers/${SERVER}`, [AUTHORIZED]));
    await expect(fs.stat(mark)).rejects.toThrow('ENOENT');
  });
});

describe('the file manager of Calagopus', () => {
  const list = (path: string) => head('GET', `/api/servers/${SERVER}/files/list?directory=${path}`, [AUTHORIZED]);

  test('looks into the backups of Roost here, and finds everything else at Wings', async () => {
    const wings = await openWings({ flavour: 'calagopus', servers: [SERVER] });
    const { port, service } = await openFrontNode(wings);
    const { id } = service.add();
    expect((await rawRequest(port, list(`/.backups/${id}/world`))).body).toContain('"filesystem_writable":false');
    expect(wings.received).toEqual([]);
    for (const path of ['/', '/world', `/.backups/${BACKUP}`, `/.backups/${id}/../..`]) {
      expect((await rawRequest(port, list(path))).body).toBe('the file');
    }
    expect(wings.received).toHaveLength(4);
  });

  test('finds nothing of another server, or by another token', async () => {
    const other = '22222222-2222-4222-8222-222222222222';
    const wings = await openWings({ flavour: 'calagopus', servers: [SERVER, other] });
    const { port, service } = await openFrontNode(wings);
    const { id } = service.add();
    const target = `/api/servers/${other}/files/list?directory=/.backups/${id}`;
    await rawRequest(port, head('GET', target, [AUTHORIZED]));
    await rawRequest(port, list(`/.backups/${id}`).replace(WINGS_TOKEN, 'another'));
    expect(wings.received).toHaveLength(2);
    expect(service.calls.map(({ method }) => method)).not.toContain('files');
  });

  test('is told of a backup here that Roost has, and of any other by Wings', async () => {
    const wings = await openWings({ flavour: 'calagopus', servers: [SERVER] });
    const { port, service } = await openFrontNode(wings);
    const { id, size } = service.add();
    const query = (backup: string, more: readonly string[] = [AUTHORIZED]) =>
      rawRequest(port, head('GET', `/api/backups/${backup}/query?adapter=wings`, more));
    const { status, body } = await query(id);
    expect([status, JSON.parse(body)]).toEqual([200, { archive_format: 'tar_gz', size }]);
    expect(wings.received).toEqual([]);
    await query(BACKUP);
    await query('no-uuid');
    await query(id, []);
    expect(wings.received).toHaveLength(3);
  });
});
