/** One side that goes, and corners of HTTP, before a Wings over real sockets. */
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../../support/eventually.ts';
import { ManualTime } from '../../../support/manual-time.ts';
import { SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { headerOf, rawRequest } from '../../../support/wings/raw-request.ts';
import { headOf } from '../../../support/wings/heads.ts';
import { openWings } from '../../../support/wings/wings.ts';

describe('check 5: one side goes', () => {
  test.each([
    ['before the answer', 'GET /api/system HTTP/1.1\r\nHost: x\r\n\r\n', false],
    ['in the middle of its body', 'POST /upload/file HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na part', false],
    ['in the middle of the answer', 'GET /download/file HTTP/1.1\r\nHost: x\r\n\r\n', true],
  ])('a client that goes %s is told to Wings at once', async (_, text, answers) => {
    const wings = await openWings({ servers: [SERVER] });
    // Time stands still: no limit of Roost ends it.
    const { port } = await openFrontNode(wings, { timers: new ManualTime() });
    let gone = false;
    wings.script = (incoming, outgoing) => {
      incoming.socket.once('close', () => (gone = true));
      if (answers) outgoing.write('a part');
      return true;
    };
    const client = net.connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    client.write(text);
    await eventually(() => wings.received.length === 1);
    if (answers) await once(client, 'data');
    client.destroy();
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
      const answer = await rawRequest(port, headOf('GET', '/api/system', [], version));
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
    const looked = await rawRequest(port, headOf('HEAD', '/x'));
    expect([looked.status, headerOf(looked, 'content-length'), looked.body]).toEqual([200, '4', '']);
    const none = await rawRequest(port, headOf('GET', '/204'));
    expect([none.status, none.body, headerOf(none, 'transfer-encoding')]).toEqual([204, '', undefined]);
    const same = await rawRequest(port, headOf('GET', '/304'));
    expect([same.status, headerOf(same, 'etag'), same.body]).toEqual([304, '"x"', '']);
    const old = await rawRequest(port, 'GET /x HTTP/1.0\r\n\r\n');
    expect([old.status, old.body]).toEqual([200, 'body']);
    const cookies = await rawRequest(port, headOf('GET', '/cookies'));
    expect(cookies.reason).toBe('Fine');
    expect(cookies.headers.filter(([name]) => /cookie/i.test(name))).toEqual([
      ['Set-Cookie', 'a'],
      ['sEt-cookie', 'b'],
    ]);
    const trailed = await rawRequest(port, headOf('GET', '/trailers'));
    expect([trailed.body.includes('body'), headerOf(trailed, 'trailer')]).toEqual([true, undefined]);
  });

  test('100 Continue comes once Wings is there, and a refusal comes instead of it', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    const expecting = ['Expect: 100-continue', 'Content-Length: 4'];
    const text = headOf('POST', '/upload/file?token=x', expecting);
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
    const waiting = rawRequest(port, headOf('GET', '/api/system'));
    await eventually(() => wings.received.length === 1);
    time.advance(15 * 60_000);
    time.advance(50 * 60_000);
    answer();
    expect((await waiting).body).toContain('late');

    const stalled = rawRequest(port, `${headOf('POST', '/upload/file', ['Content-Length: 100'])}a part`);
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
      expect((await rawRequest(port, headOf('GET', '/api/system'))).status).toBe(502);
    }
  });
});
