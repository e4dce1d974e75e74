/**
 * The event sockets `/api/events` and `/api/servers/{server}/events`.
 *
 * For: dashboards and panels that follow jobs live. Promises: a bounded number of sockets per address, per token and in
 * all, each counted from its handshake to its close. Never: accepts commands.
 */
import { upgradeWebSocket, type WebSocketLike } from '@hono/node-server';
import type { WSEvents } from 'hono/ws';
import { Failure } from '../../../base/failure.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log/log.ts';
import type { BackupService, EventSource, ExtraEvents, NodeService } from '../../../jobs/contract.ts';
import type { Caller } from '../../access.ts';
import type { App, AppContext } from '../../dialect.ts';
import { answerFault } from '../errors.ts';
import { rawSocket, wireOf } from '../../socket-wire.ts';
import { Slots } from '../../slots.ts';
import { CLOSE, EventSession, type EventSessionOptions } from './session.ts';
import type { Sessions } from '../sign-in/sessions.ts';
import type { Timers } from '../../../base/timers.ts';

export interface SocketLimits {
  readonly inAll: number;
  readonly perAddress: number;
  readonly perToken: number;
}

// Enough for all viewers behind one proxy that is not configured as trusted.
export const SOCKET_LIMITS: SocketLimits = { inAll: 2048, perAddress: 256, perToken: 512 };

/** Bytes of one inbound frame; larger ones close the socket with 1009. */
export const LARGEST_FRAME = 4096;

export interface EventSocketOptions {
  readonly service: BackupService;
  readonly events: EventSource;
  readonly node: Pick<NodeService, 'follow'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly callerOf: (secret: Buffer, address: string) => Caller | undefined;
  readonly sessions: Pick<Sessions, 'onEnd'>;
  readonly addressOf: (c: AppContext) => string;
  readonly limits: SocketLimits;
}

/** False also for a query that is refused: the answer to an upgrade would have no body, which says what is wrong. */
export function speaksEvents(path: string, query: string): boolean {
  const words = new URLSearchParams(query).get('with')?.split(',') ?? [];
  return /^\/api\/(?:servers\/[^/]+\/)?events$/.test(path) && words.every((word) => word === '' || WORDS.has(word));
}

const WORDS: ReadonlySet<string> = new Set(['queue', 'stores', 'alive']);

export function mountEventSockets(app: App, options: EventSocketOptions): void {
  const slots = { addresses: new Slots(options.limits.inAll), tokens: new Slots() };
  const open = (c: AppContext, server?: string): Promise<Response> | Response => {
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
      return answerFault(c, 'upgrade_required', { Upgrade: 'websocket', Connection: 'Upgrade' });
    }
    return upgradeWebSocket(c, socketEvents(c, options, slots, { server, ...wantedBesides(c.req.query('with')) }), {
      onError: (error) => options.log.error('An event socket failed', { error }),
    });
  };
  app.get('/api/events', (c) => open(c));
  app.get('/api/servers/:server/events', (c) => open(c, c.req.param('server').toLowerCase()));
}

function socketEvents(
  c: AppContext,
  options: EventSocketOptions,
  slots: { readonly addresses: Slots; readonly tokens: Slots },
  asked: Pick<EventSessionOptions, 'server' | 'besides' | 'alive'>,
): WSEvents<WebSocketLike> {
  const caller = nativeOnly(c.get('caller'));
  const presented = c.req.header('authorization') !== undefined;
  const address = options.addressOf(c);
  const { perAddress, perToken } = options.limits;
  const taken: (() => void)[] = [];
  const take = (release: (() => void) | undefined): boolean => {
    if (release !== undefined) taken.push(release);
    return release !== undefined;
  };
  let session: EventSession | undefined;

  return {
    onOpen(_, socket) {
      const raw = rawSocket(socket);
      if (!take(slots.addresses.take(address, perAddress)))
        return raw.close(CLOSE.tooManySockets.code, CLOSE.tooManySockets.text);
      session = new EventSession({
        ...options,
        wire: wireOf(raw),
        checkToken: (token) => options.callerOf(Buffer.from(token, 'utf8'), address),
        onSessionEnd: (id, listener) => options.sessions.onEnd(id, listener),
        admit: (caller) => take(slots.tokens.take(caller.id, perToken)),
        ...asked,
      });
      raw.on('ping', () => session?.noteAlive());
      raw.on('pong', () => session?.noteAlive());
      session.begin(caller, presented);
    },
    onMessage({ data }, socket) {
      if (typeof data === 'string') return session?.receive(data);
      return socket.close(CLOSE.notText.code, CLOSE.notText.text);
    },
    onClose() {
      session?.end();
      for (const release of taken.splice(0)) release();
    },
  };
}

/** @throws Failure `invalid_request` for a word other than `queue`, `stores` and `alive`. */
function wantedBesides(text: string | undefined): Pick<EventSessionOptions, 'besides' | 'alive'> {
  const words = new Set((text ?? '').split(',').filter((word) => word !== ''));
  const alive = words.delete('alive');
  const besides = Array.from(words, (word): ExtraEvents => {
    if (word === 'queue' || word === 'stores') return word;
    throw new Failure('invalid_request', 'Cannot open the events: with must be of "queue", "stores" and "alive"');
  });
  return { besides, alive };
}

// A panel's token opens the panel's socket only.
function nativeOnly(caller: Caller | undefined): Caller | undefined {
  return caller?.dialect === 'native' ? caller : undefined;
}
