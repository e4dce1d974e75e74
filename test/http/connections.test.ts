/** What connections may hold: refused ones are gone soon, silent ones give way, and each address has a bound. */
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { mostConnections } from '../../src/http/connections.ts';
import { listeningNode, RawConnection } from '../support/listening-node.ts';
import { SERVER } from '../support/scripted-service.ts';

/** A client that never closes its side. */
async function halfOpen(port: number, text = '', localAddress = '127.0.0.1') {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  let received = '';
  let gone = false;
  socket.on('data', (bytes) => (received += bytes.toString('latin1')));
  socket.on('error', () => undefined);
  socket.on('close', () => (gone = true));
  socket.on('end', () => (gone = true));
  await once(socket, 'connect');
  if (text !== '') socket.write(text);
  return { socket, received: () => received, gone: () => gone };
}

async function received(client: Awaited<ReturnType<typeof halfOpen>>, text: string): Promise<void> {
  while (!client.received().includes(text)) {
    if (client.gone()) throw new Error(`gone after ${JSON.stringify(client.received())}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function connectionsOf(server: net.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

/** Waits until the server has so many sockets: it accepts after its clients are connected, and closes later still. */
async function expectConnections(server: net.Server, count: number): Promise<void> {
  await expect.poll(() => connectionsOf(server)).toBe(count);
}

async function node(...[change, listen]: Parameters<typeof listeningNode>) {
  const listening = vi.spyOn(net.Server.prototype, 'listen');
  try {
    const made = await listeningNode(change, listen);
    const open: unknown = listening.mock.contexts[0];
    if (!(open instanceof net.Server)) throw new Error('no server listens');
    return { ...made, open };
  } finally {
    listening.mockRestore();
  }
}

const QUICK = { headers: 100, request: 300, checkEvery: 20 };
/** For what is refused as it comes: no delay on its way is to make another answer of it. */
const PATIENT = { ...QUICK, headers: 60_000, request: 60_000 };

describe('a connection that was refused is closed though the client keeps its side open', () => {
  test.each([
    ['silence', '', ' 408 '],
    ['half a header', 'GET /health HTTP/1.1\r\nX-', ' 408 '],
    ['half a body', 'POST /health HTTP/1.1\r\nHost: n\r\nContent-Length: 9\r\n\r\n{', ' 405 '],
    ['what is not HTTP', 'garbage\r\n\r\n', ' 400 '],
    ['garbage that goes on', `garbage\r\n\r\n${'x'.repeat(100_000)}`, ' 400 '],
    ['headers that are too large', `GET / HTTP/1.1\r\nHost: n\r\nX: ${'a'.repeat(200_000)}`, ' 431 '],
    [
      'a websocket with a key that is none',
      'GET /api/events HTTP/1.1\r\nHost: n\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n',
      ' 400 ',
    ],
  ])('after %s', async (_, text, answer) => {
    const receive = answer === ' 408 ' ? QUICK : PATIENT;
    const { port, open } = await node({}, { receive, lingerMs: 50 });
    const clients = await Promise.all(Array.from({ length: 5 }, () => halfOpen(port, text)));
    for (const client of clients) await received(client, answer);
    await expectConnections(open, 0);
  });
});

describe('bounds', () => {
  const bounds = { most: 40, mostOfAddress: 20 };

  test('silent connections of one address give way to its next request, the longest silent first', async () => {
    const { port, open, url, logged } = await node({}, { bounds });
    const silent = [];
    for (let made = 0; made < 30; made++) silent.push(await halfOpen(port));
    await expectConnections(open, 20);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(silent.map(({ gone }) => gone()).indexOf(false)).toBeGreaterThanOrEqual(10);
    expect(await connectionsOf(open)).toBeLessThanOrEqual(20);
    expect(logged.join('')).not.toContain('unexpected');
  });

  test('a connection whose request waits is never closed for another, which is refused then', async () => {
    const { port, service, authorized } = await node({}, { bounds: { most: 40, mostOfAddress: 3 } });
    service.holdJobs = true;
    const server = SERVER;
    const text = `POST /api/servers/${server}/backups HTTP/1.1\r\nHost: n\r\nAuthorization: ${authorized.authorization}\r\nContent-Length: 0\r\n\r\n`;
    const waiting = [];
    for (let made = 0; made < 3; made++) {
      const begun = service.nextJob();
      waiting.push(await halfOpen(port, text));
      await begun;
    }
    const refused = new RawConnection(port);
    refused.send('GET /health HTTP/1.1\r\nHost: n\r\n\r\n');
    expect(await refused.closed()).toBe('');
    expect(waiting.map(({ gone }) => gone())).toEqual([false, false, false]);
  });

  test('one address cannot keep another out, nor both of them a third', async () => {
    const { port, open } = await node({}, { bounds });
    for (let made = 0; made < 25; made++) await halfOpen(port, '', '127.0.0.2');
    for (let made = 0; made < 25; made++) await halfOpen(port, '', '127.0.0.3');
    const third = await halfOpen(port, 'GET /health HTTP/1.1\r\nHost: n\r\n\r\n', '127.0.0.4');
    await received(third, ' 200 ');
    await expect.poll(() => connectionsOf(open)).toBeLessThanOrEqual(40);
  });

  test('a trusted proxy has no bound of its own, and keeps its idle connections while strangers flood', async () => {
    const api = { host: '127.0.0.1', port: 0, tls: null, trustedProxies: ['127.0.0.9/32'] };
    const { port, open } = await node({}, { bounds, api });
    const proxied = [];
    for (let made = 0; made < 30; made++) proxied.push(await halfOpen(port, '', '127.0.0.9'));
    await expectConnections(open, 30);
    for (let made = 0; made < 50; made++) await halfOpen(port, '', '127.0.0.2');
    expect(proxied.filter(({ gone }) => gone())).toEqual([]);
    await expectConnections(open, 40);
  });

  test('leave half of the descriptors to files', () => {
    const limits = (soft: string): string =>
      `Limit   Soft Limit  Hard Limit  Units\nMax open files    ${soft}     4096   files\n`;
    expect(mostConnections(limits('400'))).toBe(200);
    expect(mostConnections(limits('65536'))).toBe(4096);
    expect(mostConnections(limits('unlimited'))).toBe(4096);
    expect(mostConnections(limits('1'))).toBe(1);
    expect(mostConnections(undefined)).toBe(4096);
  });
});

describe('an answer that is not taken', () => {
  test('is ended with its connection', async () => {
    const { port, open } = await node({}, { stalledMs: 100 });
    const client = await halfOpen(port);
    client.socket.pause();
    // More answers than any buffer of the system takes.
    client.socket.write('GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: n\r\n\r\n'.repeat(40));
    await expectConnections(open, 0);
  });

  test('is not one that waits for its job', async () => {
    const { port, service, authorized } = await node({}, { stalledMs: 50 });
    service.holdJobs = true;
    const begun = service.nextJob();
    const server = SERVER;
    const client = await halfOpen(
      port,
      `POST /api/servers/${server}/backups HTTP/1.1\r\nHost: n\r\nAuthorization: ${authorized.authorization}\r\nContent-Length: 0\r\n\r\n`,
    );
    const job = await begun;
    const silent = await halfOpen(port);
    // The limit that ended this one has passed for the other too.
    await once(silent.socket, 'end');
    job.complete();
    await received(client, ' 201 ');
  });
});
