import { writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errnoOf } from '../../src/base/failure.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { listeningNode, RawConnection } from '../support/listening-node.ts';
import { ManualTime } from '../support/manual-time.ts';
import { openNativeApp } from '../support/native-app.ts';
import { failureOf } from '../support/rejection.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { SERVER } from '../support/scripted-service.ts';

const BACKUPS = `/api/servers/${SERVER}/backups`;
const MEBIBYTE = 1024 * 1024;

describe('listening', () => {
  test('a taken port is a clear error that names --port', async () => {
    const { app, port } = await listeningNode();
    const second = createHttpServer({ app, api: { host: '127.0.0.1', port, tls: null } });
    const failure = await failureOf(second.listen(), 'config_invalid');
    expect(failure.message).toBe(`Cannot listen on 127.0.0.1:${port}: the port is taken`);
    expect(failure.hint).toContain('--port');
    expect(errnoOf(failure)).toBe('EADDRINUSE');
    await second.close(0);
  });

  test('an address of another machine is a clear error', async () => {
    const { app } = openNativeApp();
    const server = createHttpServer({ app, api: { host: '192.0.2.1', port: 0, tls: null } });
    expect((await failureOf(server.listen(), 'config_invalid')).message).toContain('no such address');
  });

  test('a name without an address is a clear error', async () => {
    const { app } = openNativeApp();
    const server = createHttpServer({ app, api: { host: 'nosuch.invalid', port: 0, tls: null } });
    const failure = await failureOf(server.listen(), 'config_invalid');
    expect([failure.message, failure.hint]).toEqual([
      'Cannot listen on nosuch.invalid:0: its name has no address',
      'Choose another with --host (or `api.host` in the config).',
    ]);
  });

  test('with TLS speaks https', async () => {
    const directory = await scratchDirectory();
    const tls = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
    writeFileSync(tls.cert, TEST_CERTIFICATE);
    writeFileSync(tls.key, TEST_KEY);
    const { port } = await listeningNode({}, { api: { host: '127.0.0.1', port: 0, tls } });
    const status = await new Promise((resolve, reject) => {
      const asked = https.get({ host: '127.0.0.1', port, path: '/health', rejectUnauthorized: false, agent: false });
      asked.on('response', (answer) => resolve(answer.resume().statusCode)).on('error', reject);
    });
    expect(status).toBe(200);
  });

  test('with a certificate that cannot be read is a fault of the config', async () => {
    const { app } = openNativeApp();
    const tls = { cert: '/nonexistent/cert.pem', key: '/nonexistent/key.pem' };
    const server = createHttpServer({ app, api: { host: '127.0.0.1', port: 0, tls } });
    const failure = await failureOf(server.listen(), 'config_invalid');
    expect(failure.message).toBe('Cannot read /nonexistent/cert.pem: ENOENT');
  });
});

describe('what a stranger may send', () => {
  test('10 MB that are announced are refused before they are sent', async () => {
    const { port, authorized } = await listeningNode();
    const connection = new RawConnection(port);
    connection.send(
      `POST ${BACKUPS} HTTP/1.1\r\nHost: n\r\nAuthorization: ${authorized.authorization}\r\nContent-Length: 10000000\r\n\r\n{`,
    );
    const answer = await connection.until(/too_large/);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('10 MB in chunks are refused after the first', async () => {
    const { port, authorized, service } = await listeningNode();
    const connection = new RawConnection(port);
    connection.send(
      `POST ${BACKUPS} HTTP/1.1\r\nHost: n\r\nAuthorization: ${authorized.authorization}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = Buffer.concat([Buffer.from('40000\r\n'), Buffer.alloc(0x40000, 0x20), Buffer.from('\r\n')]);
    for (let sent = 0; sent <= MEBIBYTE; sent += 0x40000) connection.send(chunk);
    expect(await connection.until(/too_large/)).toMatch(/^HTTP\/1\.1 413 /);
    expect(service.calls).toEqual([]);
  });

  test('10 MB by an ordinary client end in 413, not in a broken connection', async () => {
    const { url, authorized } = await listeningNode();
    const body = Buffer.alloc(10_000_000, 0x20);
    const answer = await fetch(`${url}${BACKUPS}`, { method: 'POST', headers: authorized, body });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'too_large' });
  });

  test('a body that ends early stops nothing but itself', async () => {
    const { port, url, authorized, service } = await listeningNode();
    const connection = new RawConnection(port);
    connection.send(
      `POST ${BACKUPS} HTTP/1.1\r\nHost: n\r\nAuthorization: ${authorized.authorization}\r\nContent-Length: 100\r\n\r\n{"na`,
    );
    connection.socket.end();
    await connection.closed();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(service.calls).toEqual([]);
  });

  test.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'invalid_request'],
    ['headers over 16 KiB', `GET / HTTP/1.1\r\nHost: n\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'too_large'],
    ['a host that is none', 'GET /health HTTP/1.1\r\nHost: a b\r\n\r\n', 400, 'invalid_request'],
    ['a backslash in the path', 'GET /a\\b HTTP/1.1\r\nHost: n\r\n\r\n', 400, 'invalid_request'],
    ['an unknown method', `BREW /health HTTP/1.1\r\nHost: n\r\n\r\n`, 400, 'invalid_request'],
  ])('%s is answered in JSON', async (_, text, status, code) => {
    const { port } = await listeningNode();
    const connection = new RawConnection(port);
    connection.send(text);
    const answer = await connection.until(/\}/);
    expect(answer.split(' ')[1]).toBe(String(status));
    expect(answer).toContain(`"code":"${code}"`);
    expect(answer).toMatch(/"requestId":"[0-9a-f-]{36}"/);
    expect(answer.toLowerCase()).toContain('content-type: application/json');
  });

  test('dots in the path lead nowhere', async () => {
    const { port } = await listeningNode();
    const connection = new RawConnection(port);
    connection.send('GET /api/../../etc/passwd HTTP/1.1\r\nHost: n\r\n\r\n');
    expect(await connection.until(/\}/)).toMatch(/^HTTP\/1\.1 404 /);
  });

  test.each(['h2c', 'websocket', 'nonsense'])(
    'Upgrade: %s on an ordinary path is an ordinary request',
    async (name) => {
      const { port } = await listeningNode();
      const connection = new RawConnection(port);
      connection.send(`GET /health HTTP/1.1\r\nHost: n\r\nConnection: Upgrade\r\nUpgrade: ${name}\r\n\r\n`);
      expect(await connection.until(/"ok"/)).toMatch(/^HTTP\/1\.1 200 /);
    },
  );
});

describe('waiting', () => {
  test('no time limit for receiving cuts a caller who waits for a job', async () => {
    const receive = { headers: 1000, request: 1000, checkEvery: 50 };
    const { port, url, authorized, service } = await listeningNode({}, { receive });
    service.holdJobs = true;
    const begun = service.nextJob();
    const waiting = fetch(`${url}${BACKUPS}`, { method: 'POST', headers: authorized, body: '{"name":"long"}' });
    const job = await begun;
    // A request that began later and is cut for not arriving shows that the limit has passed since.
    const slow = new RawConnection(port);
    slow.send('POST /health HTTP/1.1\r\nHost: n\r\nContent-Length: 5\r\n');
    expect(await slow.closed()).toMatch(/^HTTP\/1\.1 408 /);
    job.complete();
    const answer = await waiting;
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ name: 'long', status: 'COMPLETED' });
  });

  test('a client that hangs up stops nothing', async () => {
    const { url, authorized, service, logged } = await listeningNode();
    service.holdJobs = true;
    const begun = service.nextJob();
    const leaving = new AbortController();
    const waiting = fetch(`${url}${BACKUPS}`, { method: 'POST', headers: authorized, signal: leaving.signal });
    const gone = waiting.catch((error: unknown) => (error as Error).name);
    const job = await begun;
    leaving.abort();
    expect(await gone).toBe('AbortError');
    job.complete();
    const { id } = job.accepted.backup;
    const answer = await fetch(`${url}${BACKUPS}/${id}`, { headers: authorized });
    expect(await answer.json()).toMatchObject({ status: 'COMPLETED' });
    expect(service.lastCall('cancel')).toBeUndefined();
    expect(logged.join('')).not.toContain('Request failed');
  });
});

describe('closing', () => {
  test('waits for what runs, and takes nothing new', async () => {
    const { server, port, url, authorized, service } = await listeningNode();
    service.holdJobs = true;
    const begun = service.nextJob();
    // Leaves an idle connection in the client's pool.
    await (await fetch(`${url}/health`)).text();
    const waiting = fetch(`${url}${BACKUPS}`, { method: 'POST', headers: authorized });
    const job = await begun;
    let closed = false;
    const closing = server.close(60_000).then(() => (closed = true));
    const refused = new RawConnection(port);
    await refused.closed();
    expect(refused.text).toBe('');
    expect(closed).toBe(false);
    job.complete();
    expect((await waiting).status).toBe(201);
    await closing;
  });

  test('waits a second for a page that does not answer the end of its socket', { timeout: 15_000 }, async () => {
    const time = new ManualTime();
    const { server, port } = await listeningNode({}, { timers: time });
    const page = new RawConnection(port);
    page.send(
      'GET /api/events HTTP/1.1\r\nHost: node.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    expect(await page.until(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 101 /);
    const closing = server.close(600_000);
    // A frame that tells the end, and why.
    await page.until(/shutting down$/);
    time.advance(1000);
    await Promise.all([closing, page.closed()]);
  });

  test('cuts what is left at the deadline', async () => {
    const { server, url, authorized, service } = await listeningNode();
    service.holdJobs = true;
    const begun = service.nextJob();
    const waiting = fetch(`${url}${BACKUPS}`, { method: 'POST', headers: authorized }).catch(() => 'cut');
    await begun;
    await server.close(1);
    expect(await waiting).toBe('cut');
  });

  test('may be asked for twice, and before anything was opened', async () => {
    const { server } = await listeningNode();
    await Promise.all([server.close(0), server.close(0)]);
    await createHttpServer({ app: openNativeApp().app, api: { host: '127.0.0.1', port: 0, tls: null } }).close(0);
  });
});

describe('requests of health checks and proxies', () => {
  test.each([
    ['HTTP/1.0 without a host (Nagios)', 'GET / HTTP/1.0\r\nUser-Agent: check_http\r\nConnection: close\r\n\r\n', 200],
    ['HTTP/1.0 of /health', 'GET /health HTTP/1.0\r\n\r\n', 200],
    ['HEAD by HTTP/1.0', 'HEAD /health HTTP/1.0\r\n\r\n', 200],
    ["HAProxy's default", 'OPTIONS / HTTP/1.0\r\n\r\n', 200],
    ['OPTIONS of /health', 'OPTIONS /health HTTP/1.0\r\n\r\n', 200],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n', 200],
    ['OPTIONS * by HTTP/1.0', 'OPTIONS * HTTP/1.0\r\n\r\n', 200],
    ["Varnish's probe", 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n', 200],
    ['a host that is empty', 'GET /health HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n', 200],
    ['HTTP/1.0 with a host', 'GET /health HTTP/1.0\r\nHost: node.example:8090\r\n\r\n', 200],
    ['HTTP/1.1 without a host', 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['two hosts', 'GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['the same host twice', 'GET /health HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: a\r\n\r\n', 400],
    ['two hosts by HTTP/1.0', 'GET /health HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    [
      'a host that is none, of a websocket',
      'GET /api/events HTTP/1.1\r\nHost: a b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
      400,
    ],
    [
      'two hosts of a websocket',
      'GET /api/events HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
      400,
    ],
  ])('%s', async (_, text, status) => {
    const { port } = await listeningNode();
    const connection = new RawConnection(port);
    connection.send(text);
    expect((await connection.until(/\r\n\r\n/)).split(' ')[1]).toBe(String(status));
  });

  test('a token counts on HTTP/1.0 too, and addresses begin with that of the node', async () => {
    const { port, authorized, service } = await listeningNode();
    const { id } = service.add();
    const connection = new RawConnection(port);
    const path = `/api/client/servers/${SERVER}/backups/${id}/download`;
    connection.send(`GET ${path} HTTP/1.0\r\nAuthorization: ${authorized.authorization}\r\n\r\n`);
    const answer = await connection.closed();
    expect(answer).toMatch(/ 200 /);
    expect(answer).toContain(`http://127.0.0.1:${port}/api/servers/`);
  });
});
