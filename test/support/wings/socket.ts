/** A page's socket at Wings: tokens, console lines, power. Sources: pterodactyl/wings router/websocket/websocket.go. */
import type { WebSocket } from 'ws';
import { claimsOf } from './token.ts';

export interface GameState {
  state: 'offline' | 'starting' | 'running' | 'stopping';
  readonly commands: string[];
  /** It has a container. */
  started: boolean;
  type(line: string): void;
}

export interface SocketDeps {
  readonly server: string;
  readonly game: GameState;
  readonly key: () => string;
  readonly isDenied: (claims: Readonly<Record<string, unknown>>) => boolean;
  readonly now: () => number;
  /** Resolves to false when another action is under way. */
  readonly power: (action: string) => Promise<boolean>;
}

export class WingsSocket {
  readonly socket: WebSocket;
  readonly server: string;
  readonly #deps: SocketDeps;
  #claims: Readonly<Record<string, unknown>> | undefined;
  /** Texts of all frames that came. */
  readonly heard: string[] = [];

  constructor(socket: WebSocket, deps: SocketDeps) {
    this.socket = socket;
    this.#deps = deps;
    this.server = deps.server;
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer, binary) => {
      this.heard.push(binary ? `binary ${data.toString('hex')}` : data.toString('utf8'));
      if (!binary) this.#hear(data.toString('utf8'));
    });
  }

  send(event: string, ...args: readonly string[]): void {
    this.socket.send(JSON.stringify(args.length === 0 ? { event } : { event, args }));
  }

  /** Only to pages whose token holds; otherwise they are told why not. */
  publish(event: string, ...args: readonly string[]): void {
    const problem = this.#problem();
    if (problem === undefined) this.send(event, ...args);
    else if (this.#claims !== undefined) this.send('jwt error', problem);
  }

  #hear(text: string): void {
    const message = messageOf(text);
    if (message === undefined) return;
    const [event, args] = message;
    if (event === 'auth') return this.#authenticate(args.join(''));
    const problem = this.#problem();
    if (problem !== undefined) return this.send('jwt error', problem);
    const { game, power } = this.#deps;
    if (event === 'set state') void power(args.join('')).then((isTaken) => void (isTaken || this.#refusePower()));
    else if (event === 'send logs') this.send('console output', 'a line of before');
    else if (event === 'send stats') this.send('stats', '{"state":"' + game.state + '"}');
    else if (event === 'send command') {
      game.type(args.join(''));
      this.publish('console output', `said: ${args.join('')}`);
    }
  }

  #refusePower(): void {
    const reason = 'another power action is currently being processed for this server, please try again later';
    if (this.socket.readyState === this.socket.OPEN) this.send('daemon error', `Error Event [x]: ${reason}`);
  }

  #authenticate(token: string): void {
    const claims = claimsOf(token, this.#deps.key());
    if (claims === undefined) {
      return this.send(
        'daemon error',
        'Error Event [x]: an unexpected error was encountered while handling this request',
      );
    }
    const problem = this.#problemOf(claims);
    if (problem !== undefined) return this.send('jwt error', `Error Event [x]: ${problem}`);
    const first = this.#claims === undefined;
    this.#claims = claims;
    this.send('auth success');
    if (!first) return;
    this.send('status', this.#deps.game.state);
    if (this.#deps.game.state === 'offline') this.send('stats', '{"state":"offline"}');
  }

  #problem(): string | undefined {
    return this.#claims === undefined ? 'jwt: no jwt present' : this.#problemOf(this.#claims);
  }

  #problemOf(claims: Readonly<Record<string, unknown>>): string | undefined {
    const { now, isDenied, server } = this.#deps;
    if (Number(claims['exp'] ?? 0) * 1000 < now()) return 'jwt: exp claim is invalid';
    if (isDenied(claims)) return 'jwt: created too far in past (denylist)';
    const permissions = (claims['permissions'] ?? []) as readonly string[];
    if (!permissions.includes('*') && !permissions.includes('websocket.connect')) {
      return 'jwt: missing connect permission';
    }
    return claims['server_uuid'] === server ? undefined : 'jwt: server uuid mismatch';
  }
}

/** Keys in any case, as goccy/go-json reads them. */
function messageOf(text: string): readonly [string, readonly string[]] | undefined {
  try {
    const entries = Object.entries(JSON.parse(text) as object).map(
      ([key, value]) => [key.toLowerCase(), value] as const,
    );
    const { event, args } = Object.fromEntries(entries) as { event?: unknown; args?: unknown };
    if (typeof event !== 'string') return undefined;
    return [event, Array.isArray(args) ? args.map(String) : []];
  } catch {
    return undefined;
  }
}
