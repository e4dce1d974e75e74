/**
 * `GET /api/servers/{server}/ws?token=`: sends backups and restores to the panel's pages. The token is a JWT signed
 * with the node's token. Frames are `{ event, args: [object] }`; frames of pages are ignored.
 *
 * Unlike the panel's daemon, nothing is sent after the token has expired, and no `status`, since Roost does not run the
 * game.
 */
import { upgradeWebSocket, type WebSocketLike } from '@hono/node-server';
import type { WSEvents } from 'hono/ws';
import type { WebSocket } from 'ws';
import type { Clock } from '../../base/clock.ts';
import { isUuid } from '../../base/ids.ts';
import type { PanelConfig } from '../../config/types.ts';
import type { RoostEvent } from '../../jobs/contract.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { signedClaims } from '../json-web-token.ts';
import { Slots } from '../slots.ts';
import { rawSocket } from '../socket-wire.ts';

/** Bounds for a page that opens sockets in a loop. */
const MOST_OF_SERVER = 30;
const MOST_IN_ALL = 1024;
/** Bytes unsent beyond which a page is dropped; frames are small and few. */
const MOST_BEHIND = 256 * 1024;

/** RFC 6455 7.4.1. */
const POLICY_VIOLATION = 1008;
const TRY_LATER = 1013;

type Frame = readonly [event: string, data: Readonly<Record<string, unknown>>];

export function isSocketPath(path: string): boolean {
  return /^\/api\/servers\/[^/]+\/ws$/.test(path);
}

export function mountSocket(
  app: App,
  ports: DialectDeps,
  { token }: Pick<NonNullable<PanelConfig['connection']>, 'token'>,
): void {
  const key = Buffer.from(token.reveal(), 'utf8');
  const open = new Slots(MOST_IN_ALL);
  app.get('/api/servers/:server/ws', (c, next) => {
    // The panel's token is in the address, a client's in the first frame.
    const presented = c.req.query('token');
    if (presented === undefined) return next();
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
      const body = { error: 'Upgrade Required', message: 'This address speaks websocket only' };
      return c.json(body, 426, { Upgrade: 'websocket', Connection: 'Upgrade' });
    }
    const server = c.req.param('server').toLowerCase();
    const claims = isUuid(server) ? signedClaims(presented, key) : undefined;
    const expiry = claims?.['server_uuid'] === server ? expiryOf(claims) : undefined;
    return upgradeWebSocket(c, session(server, expiry, open, ports), {
      onError: (error) => ports.log.error('A socket of the panel failed', { error }),
    });
  });
}

function session(
  server: string,
  expiry: number | undefined,
  open: Slots,
  { clock, events }: Pick<DialectDeps, 'clock' | 'events'>,
): WSEvents<WebSocketLike> {
  let end = (): void => undefined;
  return {
    onOpen(_, socket) {
      const raw = rawSocket(socket);
      if (!valid(expiry, clock)) return refuse(raw, 'the token is invalid or has expired', POLICY_VIOLATION);
      const release = open.take(server, MOST_OF_SERVER);
      if (release === undefined) return refuse(raw, 'too many sockets are open', TRY_LATER);
      send(raw, ['auth success', {}]);
      const unsubscribe = events.subscribe((event) => {
        const frame = event.server === server ? frameOf(event) : undefined;
        if (frame === undefined) return;
        if (!valid(expiry, clock)) refuse(raw, 'the token has expired', POLICY_VIOLATION);
        else if (raw.bufferedAmount > MOST_BEHIND) raw.terminate();
        else send(raw, frame);
      });
      end = () => {
        unsubscribe();
        release();
        end = () => undefined;
      };
    },
    onClose: () => end(),
    onError: () => end(),
  };
}

function expiryOf(claims: Readonly<Record<string, unknown>>): number | undefined {
  const { exp } = claims;
  return typeof exp === 'number' && Number.isSafeInteger(exp) ? exp : undefined;
}

/** @param expiry Unix seconds. */
function valid(expiry: number | undefined, clock: Clock): boolean {
  return expiry !== undefined && clock.now() < expiry * 1000;
}

function refuse(raw: WebSocket, message: string, code: number): void {
  send(raw, ['jwt error', { message }]);
  raw.close(code, message);
}

function send(raw: WebSocket, [event, data]: Frame): void {
  // A closing socket accepts nothing; its close ends the session.
  if (raw.readyState === raw.OPEN) raw.send(JSON.stringify({ event, args: [data] }));
}

function frameOf({ type, backup: uuid, data }: RoostEvent): Frame | undefined {
  if (type === 'backup.started') return ['backup started', { uuid }];
  if (type === 'backup.completed') {
    return ['backup completed', { uuid, successful: true, checksum: data.sha256, size: data.size }];
  }
  // The panel's own daemon does not report failures, which leaves its page waiting.
  if (type === 'backup.failed' || type === 'backup.cancelled') {
    return ['backup completed', { uuid, successful: false, checksum: '', size: 0 }];
  }
  if (type === 'restore.started') return ['backup restore started', { uuid }];
  if (type === 'restore.completed') return ['backup restore completed', { uuid, successful: true }];
  return type === 'restore.failed' ? ['backup restore completed', { uuid, successful: false }] : undefined;
}
