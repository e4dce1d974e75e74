/** A Wings that breaks off while it refuses an upgrade. */
import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { rawRequest } from '../../../support/wings/raw-request.ts';
import { openWings } from '../../../support/wings/wings.ts';

const UPGRADE = [
  'Host: node.test',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** Answers each request with that, and resets the connection once the client has it. */
async function brokenWings(answer: string): Promise<{ readonly url: string; breakOff(): void }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    breakOff: () => sockets.forEach((socket) => void socket.resetAndDestroy()),
  };
}

const PATHS = [`/api/servers/${SERVER}/ws`, '/download/file?token=x'];

test.each(PATHS)('the client of %s gets what came and a broken connection, and the front goes on', async (path) => {
  const broken = await brokenWings('HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\n{"error":');
  const { port } = await openFrontNode(await openWings({ servers: [SERVER] }), { wingsUrl: broken.url });
  for (let asked = 0; asked < 2; asked++) {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`GET ${path} HTTP/1.1\r\n${UPGRADE.join('\r\n')}\r\n\r\n`);
    let text = '';
    while (!text.endsWith('{"error":')) text += String((await once(socket, 'data'))[0]);
    const closed = once(socket, 'close');
    broken.breakOff();
    await closed;
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  }
});

test.each(PATHS)('the client of %s is cut off where the refusal cannot be passed', async (path) => {
  const broken = await brokenWings('HTTP/1.1 403 For\u0001bidden\r\nContent-Length: 0\r\n\r\n');
  const { port } = await openFrontNode(await openWings({ servers: [SERVER] }), { wingsUrl: broken.url });
  for (let asked = 0; asked < 2; asked++) {
    const { text } = await rawRequest(port, `GET ${path} HTTP/1.1\r\n${UPGRADE.join('\r\n')}\r\n\r\n`);
    expect(text).not.toContain('403');
  }
});
