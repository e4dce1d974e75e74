import { once } from 'node:events';
import fs from 'node:fs/promises';
import { createServer } from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { SERVER } from '../../support/scripted-service.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/certificate.ts';
import { connectTls, makeCertificate, renew, servedSerial } from '../../support/renewed-certificate.ts';
import { openFrontNode } from '../../support/wings/front-node.ts';
import { openLog } from '../../../src/base/log/log.ts';
import { headerOf, rawRequest } from '../../support/wings/raw-request.ts';
import { openWings } from '../../support/wings/wings.ts';

async function opened() {
  const wings = await openWings({ servers: [SERVER] });
  return { wings, ...(await openFrontNode(wings)) };
}

async function certificateFiles() {
  const directory = await scratchDirectory();
  const tls = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  await fs.writeFile(tls.cert, TEST_CERTIFICATE);
  await fs.writeFile(tls.key, TEST_KEY);
  return tls;
}

function bodies(count: number, bytes: number): Buffer[] {
  return Array.from({ length: count }, () => Buffer.alloc(bytes, 'x'));
}

describe('check 2: hostile heads are refused, and none reaches Wings', () => {
  const HOST = 'Host: node.test\r\n';
  const HEADS: readonly (readonly [string, string])[] = [
    [
      'a length beside chunks',
      `POST /api/system HTTP/1.1\r\n${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['two lengths', `POST /api/system HTTP/1.1\r\n${HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
    ['two equal lengths in one', `POST /api/system HTTP/1.1\r\n${HOST}Content-Length: 3, 3\r\n\r\nabc`],
    ['a length with a sign', `POST /api/system HTTP/1.1\r\n${HOST}Content-Length: +3\r\n\r\nabc`],
    ['a length in hexadecimal', `POST /api/system HTTP/1.1\r\n${HOST}Content-Length: 0x3\r\n\r\nabc`],
    ['a folded header', `GET /api/system HTTP/1.1\r\n${HOST}X-A: b\r\n c\r\n\r\n`],
    ['a bare line feed', `GET /api/system HTTP/1.1\n${HOST}\n`],
    ['a space before the colon', `GET /api/system HTTP/1.1\r\n${HOST}X-A : b\r\n\r\n`],
    ['gzip before chunked', `POST /api/system HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    [
      'two transfer encodings',
      `POST /api/system HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'a chunked spelled with a tab',
      `POST /api/system HTTP/1.1\r\n${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
    ],
    ['two hosts', `GET /api/system HTTP/1.1\r\n${HOST}${HOST}\r\n`],
    ['no host', 'GET /api/system HTTP/1.1\r\n\r\n'],
    ['an absolute address', `GET http://other.test/api/system HTTP/1.1\r\n${HOST}\r\n`],
    ['an authority', `CONNECT other.test:443 HTTP/1.1\r\n${HOST}\r\n`],
    ...[
      '..',
      '.',
      '%2e%2e',
      '.%2E',
      '',
      'a%2fb',
      'a%2Fb',
      'a%5cb',
      'a\\b',
      '%00',
      'a%0d%0ab',
      '%7f',
      '%ff',
      '%c0%af',
      '%',
      '%zz',
      'a#b',
    ].map((segment) => [`the segment "${segment}"`, `GET /api/${segment}/system HTTP/1.1\r\n${HOST}\r\n`] as const),
    ...['TRACE', 'PROPFIND', 'SUBSCRIBE'].map(
      (method) => [`the method ${method}`, `${method} /api/system HTTP/1.1\r\n${HOST}\r\n`] as const,
    ),
    ['a head of more than 16 KiB', `GET /api/system HTTP/1.1\r\n${HOST}X-A: ${'a'.repeat(17_000)}\r\n\r\n`],
    ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a NUL in a header', `GET /api/system HTTP/1.1\r\n${HOST}X-A: a\0b\r\n\r\n`],
  ];

  test('each of them', async () => {
    const { wings, port } = await opened();
    const statuses = await Promise.all(HEADS.map(([, head]) => rawRequest(port, head, { until: /\r\n\r\n/ })));
    const taken = HEADS.filter((_, index) => ![0, 400, 405, 431].includes(statuses[index]?.status ?? -1));
    expect(taken).toEqual([]);
    expect(wings.received).toEqual([]);
  });

  test('an upgrade to something else than a websocket is an ordinary request', async () => {
    const { wings, port } = await opened();
    const head = `GET /api/system HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n`;
    const { status } = await rawRequest(port, head, { until: /\}/ });
    expect(status).toBe(401);
    expect(wings.received[0]?.rawHeaders.map((each) => each.toLowerCase())).not.toContain('upgrade');
  });
});

describe('check 6: a refusal in the middle of an upload is read by a client that sends before it reads', () => {
  const HEAD = `POST /upload/file?token=x HTTP/1.1\r\nHost: node.test\r\nContent-Length: ${20 * 1024 * 1024}\r\n\r\n`;

  test.each([false, true])('by the size rule of Wings, 3 of 3; TLS: %s', async (secure) => {
    const wings = await openWings({ uploadLimit: 1, servers: [SERVER] });
    const { port } = await openFrontNode(wings, secure ? { tls: await certificateFiles() } : {});
    for (let count = 0; count < 3; count++) {
      const answer = await rawRequest(port, HEAD, { secure, body: bodies(20, 1024 * 1024), until: /MB\."\}/ });
      expect(answer).toMatchObject({ status: 400, body: expect.stringContaining('larger than the maximum') });
    }
  });

  test.each([
    ['the panel', 20 * 1024 * 1024, '1 MiB'],
    ['a stranger', 20 * 1024, '16 KiB'],
  ])('by Roost, of a body of %s that is too large to be looked into', async (who, length, limit) => {
    const { port, wings } = await opened();
    const token = who === 'a stranger' ? '' : `Authorization: Bearer ${wings.token}\r\n`;
    const head = `POST /api/update HTTP/1.1\r\nHost: node.test\r\n${token}Content-Length: ${length}\r\n\r\n`;
    const body = bodies(20, length / 20);
    const answer = await rawRequest(port, head, { body, until: /[MK]iB/ });
    expect(answer).toMatchObject({ status: 413, body: expect.stringContaining(`larger than ${limit}`) });
    expect(headerOf(answer, 'access-control-allow-origin')).toBe('https://panel.test');
    expect(headerOf(answer, 'x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(wings.received).toEqual([]);
  });
});

describe('check 21: a renewed certificate', () => {
  test('is served for new connections within a minute, and open ones go on; a pair that does not fit changes nothing', async () => {
    const time = new ManualTime();
    const wings = await openWings({ servers: [SERVER] });
    const directory = await scratchDirectory();
    makeCertificate(directory, 0x1001);
    const tls = renew(directory);
    const logged: string[] = [];
    const { port } = await openFrontNode(wings, { tls, timers: time, log: capturing(logged) });
    expect(await servedSerial(port)).toBe('1001');
    const open = await connectTls(port);

    await fs.writeFile(tls.key, 'no key');
    time.advance(60_000);
    expect(logged.join()).toContain('The certificate was not reloaded');
    expect(await servedSerial(port)).toBe('1001');

    makeCertificate(directory, 0x1002);
    renew(directory);
    time.advance(60_000);
    expect(logged.filter((line) => line.includes('certificate'))).toHaveLength(1);
    expect(await servedSerial(port)).toBe('1002');

    open.write('GET /api/system HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const [answer] = (await once(open, 'data')) as [Buffer];
    expect(answer.toString('latin1')).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe('check 10: a stop waits for no socket whose client does not answer', () => {
  /** Opens a socket by hand, and answers nothing that comes on it. */
  async function silentSocket(port: number, path: string): Promise<net.Socket> {
    const socket = net.connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: node.test\r\nOrigin: https://panel.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString('latin1')).toMatch(/^HTTP\/1\.1 101 /);
    return socket;
  }

  test('a page that sleeps', { timeout: 15_000 }, async () => {
    const time = new ManualTime();
    const { port, composed } = await openFrontNode(await openWings({ servers: [SERVER] }), { timers: time });
    const page = await silentSocket(port, `/api/servers/${SERVER}/ws`);
    const gone = once(page, 'close');
    const closing = composed.close(5000);
    // The end is told first: it comes as a frame.
    expect(((await once(page, 'data')) as [Buffer])[0].subarray(0, 4).toString('hex')).toMatch(/^88..03f4$/);
    time.advance(1000);
    await Promise.all([closing, gone]);
  });

  test('a tunnel', { timeout: 15_000 }, async () => {
    const time = new ManualTime();
    const other = createServer();
    other.on('upgrade', (_, socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const wingsUrl = `http://127.0.0.1:${(other.address() as net.AddressInfo).port}`;
    const wings = await openWings({ servers: [SERVER], flavour: 'calagopus' });
    const { port, composed } = await openFrontNode(wings, { timers: time, wingsUrl });
    const client = await silentSocket(port, '/api/system/stats/ws');
    const gone = once(client, 'close');
    let isClosed = false;
    const closing = composed.close(5000).then(() => (isClosed = true));
    await eventually(() => {
      time.advance(1000);
      return isClosed;
    });
    await Promise.all([closing, gone]);
  });
});

function capturing(lines: string[]) {
  return openLog({ level: 'debug', format: 'json' }, { write: (line) => void lines.push(line) });
}
