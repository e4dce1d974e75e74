/**
 * The Source RCON protocol, as Minecraft Java speaks it (developer.valvesoftware.com/wiki/Source_RCON_Protocol): packets of
 * a little-endian length, an id, a kind, and text that NUL NUL ends.
 *
 * Promises: what the other side sends is bounded in size and time. Never: more than one command at a time.
 */
import { connect as dial, type Socket } from 'node:net';
import { Failure, reasonOf, throwIfAborted } from '../../base/failure.ts';

export interface RconAddress {
  readonly host: string;
  readonly port: number;
  readonly password: string;
}

const AUTHENTICATE = 3;
const COMMAND = 2;
const ANSWER = 0;
const AUTHENTICATED = 2;
/** Of a packet behind its length: id, kind and two NULs. */
const LEAST = 10;
/** Games split answers at 4,096 bytes. */
const MOST = 64 * 1024;

interface Packet {
  readonly id: number;
  readonly kind: number;
  readonly text: string;
}

export class Rcon {
  readonly #socket: Socket;
  readonly #packets: Packet[] = [];
  #rest = Buffer.alloc(0);
  #failure: Failure | undefined;
  #wake: () => void = () => undefined;
  #id = 0;

  /**
   * Connects and authenticates.
   *
   * @param signal bounds everything that is done on the connection, too.
   * @throws Failure `server_busy`; its `facts.refused` is true where nothing listens.
   */
  static async open({ host, port, password }: RconAddress, signal: AbortSignal): Promise<Rcon> {
    const rcon = new Rcon(dial({ host, port, noDelay: true }), signal);
    try {
      const id = rcon.#send(AUTHENTICATE, password);
      for (;;) {
        const packet = await rcon.#packet();
        // An empty answer may come first.
        if (packet.kind !== AUTHENTICATED) continue;
        if (packet.id === id) return rcon;
        throw unusable('it refuses the password');
      }
    } catch (error) {
      rcon.close();
      throw error;
    }
  }

  private constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    const abort = (): void => this.#fail(unusable('it did not answer in time'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', (error) => this.#fail(unreachable(error)));
    socket.on('close', () => {
      signal.removeEventListener('abort', abort);
      this.#fail(unusable('it closed the connection'));
    });
  }

  /** @returns the first part of what the game answers. @throws Failure `server_busy`. */
  async command(line: string): Promise<string> {
    const id = this.#send(COMMAND, line);
    for (;;) {
      const packet = await this.#packet();
      if (packet.kind === ANSWER && packet.id === id) return packet.text;
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(kind: number, text: string): number {
    const body = Buffer.from(text, 'utf8');
    const packet = Buffer.alloc(body.length + 14);
    packet.writeInt32LE(body.length + LEAST, 0);
    packet.writeInt32LE(++this.#id, 4);
    packet.writeInt32LE(kind, 8);
    body.copy(packet, 12);
    this.#socket.write(packet);
    return this.#id;
  }

  #take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 4) {
      const length = this.#rest.readInt32LE(0);
      if (length < LEAST || length > MOST) return this.#fail(unusable('it does not speak RCON'));
      if (this.#rest.length < length + 4) return;
      const [id, kind] = [this.#rest.readInt32LE(4), this.#rest.readInt32LE(8)];
      this.#packets.push({ id, kind, text: this.#rest.toString('utf8', 12, length + 2) });
      this.#rest = this.#rest.subarray(length + 4);
    }
    this.#wake();
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure;
    this.#socket.destroy();
    this.#wake();
  }

  async #packet(): Promise<Packet> {
    for (;;) {
      const packet = this.#packets.shift();
      if (packet !== undefined) return packet;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function unreachable(error: Error): Failure {
  const refused = 'code' in error && error.code === 'ECONNREFUSED';
  return unusable(refused ? 'nothing listens there' : reasonOf(error), { refused });
}

function unusable(state: string, facts: Readonly<Record<string, unknown>> = {}): Failure {
  const hint = 'Check power.servers in the config, and enable-rcon in the server.properties of the game.';
  return new Failure('server_busy', `Cannot use RCON: ${state}`, { facts, hint, retry: true });
}

/** @throws Failure `cancelled` when the caller gave up, not the time limit. */
export async function withRcon<Result>(
  address: RconAddress,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  use: (rcon: Rcon) => Promise<Result>,
): Promise<Result> {
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const rcon = await Rcon.open(address, signal === undefined ? limit : AbortSignal.any([limit, signal]));
    try {
      return await use(rcon);
    } finally {
      rcon.close();
    }
  } catch (error) {
    throwIfAborted(signal, 'Cannot use RCON');
    throw error;
  }
}
