/** An RCON server after developer.valvesoftware.com/wiki/Source_RCON_Protocol, as Minecraft's. */
import { createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { freePort } from '../free-port.ts';

export class RconServer {
  readonly commands: string[] = [];
  password = 'rcon-password';
  answer: (line: string) => string = (line) => (line === 'save-all flush' ? 'Saving the game (…)Saved the game' : '');
  /** Bytes that are sent in place of any answer. */
  instead: Buffer | undefined;
  /** Never answers. */
  isSilent = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  static async open(): Promise<RconServer> {
    const server = new RconServer();
    await server.listen();
    onTestFinished(() => server.close());
    return server;
  }

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => this.#take(socket, bytes));
    });
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    // One that stays its own while it is closed.
    if (this.#port === 0) this.#port = await freePort();
    await new Promise<void>((resolve) => void this.#server.listen(this.#port, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(socket: Socket, bytes: Buffer): void {
    const [id, kind] = [bytes.readInt32LE(4), bytes.readInt32LE(8)];
    const text = bytes.toString('utf8', 12, bytes.readInt32LE(0) + 2);
    if (this.isSilent) return;
    if (this.instead !== undefined) return void socket.write(this.instead);
    if (kind === 3) return send(socket, text === this.password ? id : -1, 2, '');
    this.commands.push(text);
    send(socket, id, 0, this.answer(text));
  }
}

/** In two writes: a stream has no packets. */
function send(socket: Socket, id: number, kind: number, text: string): void {
  const body = Buffer.from(text, 'utf8');
  const packet = Buffer.alloc(body.length + 14);
  packet.writeInt32LE(body.length + 10, 0);
  packet.writeInt32LE(id, 4);
  packet.writeInt32LE(kind, 8);
  body.copy(packet, 12);
  socket.write(packet.subarray(0, 7));
  setImmediate(() => socket.write(packet.subarray(7)));
}
