/**
 * The other processes of `bench front`: a server that stands for Wings; before it a bare pipe, and the barest relay that
 * `node:http` allows, which reads and writes every head and looks at nothing: the floor of what Roost can be.
 */
import http from 'node:http';
import net from 'node:net';
import { WebSocketServer } from 'ws';

const [role, target, host = '127.0.0.1'] = process.argv.slice(2);
const server = role === 'origin' ? origin() : role === 'relay' ? relay() : net.createServer(pipe);
server.listen(0, host, () => process.send?.((server.address() as net.AddressInfo).port));

function origin(): http.Server {
  const block = Buffer.alloc(1024 * 1024, 'a block of what is sent');
  const http1 = http.createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
    const bytes = Number(new URL(incoming.url ?? '/', 'http://x').searchParams.get('bytes') ?? 0);
    if (incoming.method === 'POST') incoming.on('end', () => outgoing.end()).resume();
    else if (bytes === 0) outgoing.writeHead(200, { 'Content-Length': '2' }).end('{}');
    else void send(outgoing.writeHead(200, { 'Content-Length': String(bytes) }), bytes);
  });
  async function send(outgoing: http.ServerResponse, bytes: number): Promise<void> {
    for (let sent = 0; sent < bytes; sent += block.length) {
      if (!outgoing.write(block)) await new Promise((resolve) => outgoing.once('drain', resolve));
    }
    outgoing.end();
  }
  const sockets = new WebSocketServer({ server: http1, perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    socket.on('message', () => socket.send('{"event":"console output","args":["said: something of a usual length"]}'));
  });
  return http1;
}

function relay(): http.Server {
  const agent = new http.Agent({ keepAlive: true });
  return http.createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const request = http.request({ host: '127.0.0.1', port: Number(target), method, path, headers, agent });
    request.on('response', (answer) => answer.pipe(outgoing.writeHead(answer.statusCode ?? 502, answer.headers)));
    incoming.pipe(request);
  });
}

function pipe(socket: net.Socket): void {
  const other = net.connect({ port: Number(target), host: '127.0.0.1' });
  for (const each of [socket, other]) each.setNoDelay(true).on('error', () => undefined);
  socket.pipe(other).pipe(socket);
  socket.once('close', () => other.destroy());
  other.once('close', () => socket.destroy());
}
