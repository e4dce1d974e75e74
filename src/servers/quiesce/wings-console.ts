/**
 * A game's console through Wings: lines are typed by its API, which keeps them out of the activity log, and heard on a
 * socket of Roost's own.
 *
 * Sources: pterodactyl/wings router/router_server_ws.go, router/websocket/websocket.go: `auth` with a token for the
 * server, `auth success`, then `console output` with one line each; a token that is older than the start of Wings, in
 * whole seconds, is refused.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { attempt, Failure, throwIfAborted } from '../../base/failure.ts';
import type { ServerId } from '../../base/ids.ts';
import type { GameServer } from '../registry.ts';
import { type GameConsole, LineQueue, type OpenConsole } from './console.ts';
import { consoleLines } from './games.ts';

export interface WingsConsoleDeps {
  /** `http://address:port` of Wings. */
  readonly url: string;
  /** The origin of its panel, which is the one whose pages may open sockets; undefined where it is not known. */
  readonly origin: string | undefined;
  /** A token with `websocket.connect` for the server, signed with the node's own. */
  readonly token: (server: ServerId) => string;
  /** @throws Failure `server_busy`. */
  readonly type: (server: GameServer, lines: readonly string[], signal: AbortSignal) => Promise<void>;
}

const OPEN_MS = 5000;
/** "Issued in the second of the start" is over by then. */
const AGAIN_MS = 1000;
const LARGEST_FRAME = 1024 * 1024;

const Frame = z.object({ event: z.string(), args: z.array(z.string()).default([]) });

export class WingsConsole implements GameConsole {
  readonly #deps: WingsConsoleDeps;

  constructor(deps: WingsConsoleDeps) {
    this.#deps = deps;
  }

  async open(server: GameServer, signal: AbortSignal): Promise<OpenConsole> {
    const type = (lines: readonly string[]): Promise<void> => this.#deps.type(server, lines, signal);
    const queue = new LineQueue();
    const next = (timeoutMs: number): Promise<string | undefined> => queue.next(timeoutMs, signal);
    try {
      const socket = await this.#listen(server, queue, signal);
      return {
        type,
        next,
        close: () => socket.terminate(),
        get ended() {
          return queue.ended;
        },
      };
    } catch (error) {
      throwIfAborted(signal, 'Cannot hear the console');
      const unheard =
        error instanceof Failure ? error : cannotHear(error instanceof Error ? error.message : String(error));
      return { unheard, ended: true, type, next: () => Promise.resolve(undefined), close: () => undefined };
    }
  }

  async #listen({ id }: GameServer, queue: LineQueue, signal: AbortSignal): Promise<WebSocket> {
    const { url, origin, token } = this.#deps;
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/api/servers/${id}/ws`, {
      ...(origin === undefined ? {} : { origin }),
      perMessageDeflate: false,
      handshakeTimeout: OPEN_MS,
      maxPayload: LARGEST_FRAME,
      followRedirects: false,
    });
    const stop = AbortSignal.any([signal, AbortSignal.timeout(2 * OPEN_MS + AGAIN_MS)]);
    const end = (): void => socket.terminate();
    stop.addEventListener('abort', end);
    try {
      const said = new LineQueue();
      socket.on('message', (data: Buffer, binary) => hear(binary ? '' : data.toString('utf8'), said, queue));
      socket.on('close', () => {
        said.end();
        queue.end();
      });
      await new Promise<void>((resolve, reject) => socket.once('open', resolve).on('error', reject));
      for (const again of [true, false]) {
        socket.send(JSON.stringify({ event: 'auth', args: [token(id)] }));
        const answer = await said.next(OPEN_MS, stop);
        if (answer === 'auth success') return socket;
        if (!again)
          throw cannotHear(answer === undefined ? 'Wings does not answer its socket' : 'Wings refuses the token');
        await wait(AGAIN_MS, undefined, { signal: stop });
      }
      throw cannotHear('Wings refuses the token');
    } catch (error) {
      socket.terminate();
      throw error;
    } finally {
      stop.removeEventListener('abort', end);
    }
  }
}

/** @param said answers to a token. @param lines of the console. */
function hear(text: string, said: LineQueue, lines: LineQueue): void {
  const { data } = Frame.safeParse(attempt(() => JSON.parse(text) as unknown));
  if (data?.event === 'console output') lines.add(consoleLines(data.args.join('\n')));
  else if (data?.event === 'auth success' || data?.event === 'jwt error' || data?.event === 'daemon error') {
    said.add([data.event]);
  }
}

function cannotHear(state: string): Failure {
  return new Failure('server_busy', `Cannot hear the console: ${state}`, { retry: true });
}
