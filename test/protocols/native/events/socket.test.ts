import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { AppOptions } from '../../../../src/http/app.ts';
import { listeningNode, RawConnection } from '../../../support/listening-node.ts';
import { ADMIN, tokenWith } from '../../../support/native-app.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';

interface Frame {
  readonly type: string;
  readonly seq: number;
  readonly [key: string]: unknown;
}

/** A websocket that remembers frames, for tests that ask for the next one. */
class Reader {
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  readonly #frames: Frame[] = [];
  #wake: () => void = () => undefined;

  constructor(url: string, token?: string) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    this.socket = new WebSocket(url.replace(/^http/, 'ws'), { headers });
    this.socket.on('message', (data: Buffer) => {
      this.#frames.push(JSON.parse(data.toString('utf8')) as Frame);
      this.#wake();
    });
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code) => resolve(code));
    });
    onTestFinished(() => this.socket.terminate());
  }

  async opened(): Promise<this> {
    await new Promise((resolve) => this.socket.once('open', resolve));
    return this;
  }

  async next(): Promise<Frame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

async function open(change: Partial<AppOptions> = {}) {
  const node = await listeningNode(change);
  const read = (path: string, token?: string) => new Reader(`${node.url}${path}`, token);
  return { ...node, read };
}

describe('the event socket', () => {
  test('begins with a snapshot and goes on with events', async () => {
    const { read, events } = await open();
    events.lastSeq = 7;
    const reader = read('/api/events', ADMIN);
    expect(await reader.next()).toMatchObject({ type: 'snapshot', seq: 7, data: { jobs: [] } });
    events.emit({ type: 'backup.started', server: SERVER, data: { name: 'Nightly' } });
    expect(await reader.next()).toEqual({
      seq: 8,
      at: '2026-01-01T00:00:00.000Z',
      type: 'backup.started',
      server: SERVER,
      data: { name: 'Nightly' },
    });
  });

  test('takes the token in its first frame', async () => {
    const { read } = await open();
    const reader = await read('/api/events').opened();
    reader.socket.send(JSON.stringify({ type: 'auth', token: ADMIN }));
    expect(await reader.next()).toMatchObject({ type: 'snapshot' });
  });

  test('closes with 4401 for a wrong token, in the header or in the first frame', async () => {
    const { read } = await open();
    expect(await read('/api/events', 'wrong').closed).toBe(4401);
    const reader = await read('/api/events').opened();
    reader.socket.send(JSON.stringify({ type: 'auth', token: 'wrong' }));
    expect(await reader.closed).toBe(4401);
  });

  test('takes no token from its URL', async () => {
    const { read } = await open();
    const reader = await read(`/api/events?token=${ADMIN}`).opened();
    reader.socket.send('{}');
    expect(await reader.closed).toBe(4401);
  });

  test('asked for other words than it knows is refused with a body that names them, over the wire', async () => {
    const { port } = await open();
    const connection = new RawConnection(port);
    connection.send(
      'GET /api/events?with=everything HTTP/1.1\r\nHost: n\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    const answer = await connection.until(/"requestId"/);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain(String.raw`with must be of \"queue\", \"stores\" and \"alive\"`);
  });

  test('asked for other words than it knows is refused, and sends what is asked for besides', async () => {
    const { read, call, node } = await open();
    const headers = { upgrade: 'websocket', connection: 'upgrade' };
    expect(await call('GET', '/api/events?with=everything', { headers })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    });
    const reader = read('/api/events?with=queue,alive,stores', ADMIN);
    expect(await reader.next()).toMatchObject({ type: 'snapshot' });
    expect(node.followers.map(([which]) => which)).toEqual(['queue', 'stores']);
    node.followers[1]?.[1]({ type: 'store.changed', data: { store: 'local', state: 'away', freeBytes: null } });
    expect(await reader.next()).toMatchObject({ type: 'store.changed', data: { state: 'away' } });
  });

  test('closes with 4403 for a server that the token does not hold, as for an unknown one', async () => {
    const tokens = [tokenWith('t', ADMIN, { servers: [SERVER] })];
    const { read } = await open({ tokens });
    expect(await read(`/api/servers/${OTHER_SERVER}/events`, ADMIN).closed).toBe(4403);
    expect(await read(`/api/servers/${UNKNOWN}/events`, ADMIN).closed).toBe(4403);
    const reader = await read(`/api/servers/${OTHER_SERVER}/events`).opened();
    reader.socket.send(JSON.stringify({ type: 'auth', token: ADMIN }));
    expect(await reader.closed).toBe(4403);
  });

  test('of one server shows that server, and its URL takes the id in any case', async () => {
    const { read, events } = await open();
    const reader = read(`/api/servers/${SERVER.toUpperCase()}/events`, ADMIN);
    expect(await reader.next()).toMatchObject({ type: 'snapshot', server: SERVER });
    events.emit({ type: 'server.status', server: OTHER_SERVER, data: {} });
    events.emit({ type: 'server.status', server: SERVER, data: { status: 'READY' } });
    expect(await reader.next()).toMatchObject({ server: SERVER, seq: 2 });
  });

  test('is no place for large, binary or many frames', async () => {
    const { read } = await open();
    const large = read('/api/events', ADMIN);
    await large.next();
    large.socket.send('x'.repeat(4097));
    expect(await large.closed).toBe(1009);

    const binary = read('/api/events', ADMIN);
    await binary.next();
    binary.socket.send(Buffer.from('{}'));
    expect(await binary.closed).toBe(1003);

    const chatty = read('/api/events', ADMIN);
    await chatty.next();
    for (let count = 0; count < 30; count++) chatty.socket.send('{}');
    expect(await chatty.closed).toBe(1008);

    const pinging = read('/api/events', ADMIN);
    await pinging.next();
    for (let count = 0; count < 30; count++) pinging.socket.ping();
    expect(await pinging.closed).toBe(1008);
  });

  test('that breaks the protocol harms nobody else', async () => {
    const { read, port, events } = await open();
    const reader = read('/api/events', ADMIN);
    await reader.next();
    const broken = new RawConnection(port);
    broken.send(
      'GET /api/events HTTP/1.1\r\nHost: n\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        // A frame that no client may send rides along with the handshake.
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\xff\xff\xff\xff',
    );
    await broken.closed();
    events.emit({ type: 'server.status', server: SERVER, data: {} });
    expect(await reader.next()).toMatchObject({ type: 'server.status' });
  });

  test('without an upgrade is 426 in JSON', async () => {
    const { url } = await open();
    const answer = await fetch(`${url}/api/events`);
    expect(answer.status).toBe(426);
    expect(answer.headers.get('upgrade')).toBe('websocket');
    expect(await answer.json()).toMatchObject({ code: 'upgrade_required' });
  });

  test('leaves no listener when the client goes, politely or not', async () => {
    const { read, events } = await open();
    // The metrics listen for as long as the daemon runs.
    const always = events.listeners;
    const polite = read('/api/events', ADMIN);
    const rude = read('/api/events', ADMIN);
    await Promise.all([polite.next(), rude.next()]);
    expect(events.listeners).toBe(always + 2);
    polite.socket.close();
    rude.socket.terminate();
    while (events.listeners > always) await new Promise((resolve) => setImmediate(resolve));
  });

  test('is closed with 1012 when the node shuts down, and delays it by nothing', async () => {
    const { read, server } = await open();
    const reader = read('/api/events', ADMIN);
    await reader.next();
    await Promise.all([server.close(60_000), reader.closed]);
    expect(await reader.closed).toBe(1012);
  });
});

describe('the number of sockets', () => {
  const limits = { inAll: 3, perAddress: 2, perToken: 1 };

  test('is limited by token; a place is free again when its socket is gone', async () => {
    const tokens = [tokenWith('a', 'secret-of-a-secret-of-a'), tokenWith('b', 'secret-of-b-secret-of-b')];
    const { read } = await open({ tokens, socketLimits: { ...limits, perAddress: 9, inAll: 9 } });
    const first = read('/api/events', 'secret-of-a-secret-of-a');
    await first.next();
    expect(await read('/api/events', 'secret-of-a-secret-of-a').closed).toBe(1013);
    await read('/api/events', 'secret-of-b-secret-of-b').next();
    first.socket.close();
    await first.closed;
    for (let code = 0; code !== 1000;) {
      const again = read('/api/events', 'secret-of-a-secret-of-a');
      code = await Promise.race([again.next().then(() => 1000), again.closed]);
    }
  });

  test('is limited by address, before anybody has authenticated', async () => {
    const { read } = await open({ socketLimits: limits });
    await read('/api/events').opened();
    await read('/api/events').opened();
    expect(await read('/api/events').closed).toBe(1013);
  });

  test('is limited in all', async () => {
    const { read } = await open({ socketLimits: { inAll: 1, perAddress: 9, perToken: 9 } });
    await read('/api/events', ADMIN).next();
    expect(await read('/api/events', ADMIN).closed).toBe(1013);
  });
});

test('a reader that stops reading is given the newest state, not the backlog', async () => {
  const { read, events } = await open();
  const reader = read('/api/events', ADMIN);
  await reader.next();
  reader.socket.pause();
  const padding = 'x'.repeat(2000);
  const emitted = 20_000;
  for (let count = 0; count < emitted; count++) {
    events.emit({ type: 'server.status', server: SERVER, data: { count, padding } });
    // Turns of the event loop, in which the sockets' buffers fill.
    if (count % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  reader.socket.resume();
  let received = 0;
  for (let frame = await reader.next(); frame.type !== 'snapshot'; frame = await reader.next()) received++;
  expect(received).toBeLessThan(emitted);
  events.emit({ type: 'backup.deleted', server: SERVER, data: {} });
  for (let frame = await reader.next(); frame.type !== 'backup.deleted'; frame = await reader.next()) {
    expect(frame.type).toBe('server.status');
  }
});
