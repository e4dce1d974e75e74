/**
 * `GET /api/servers/{server}/ws`: live events of backups and restores.
 *
 * For: the panel's pages, and clients of this node's own API. Promises: a client authenticates by a token in its first
 * frame. The request is refused from a foreign origin (403), for an unknown server (404), and when too many pages are
 * open (400 or 429). Like with the panels' daemons, the answer shows whether a server exists; its id is random. Never: accepts
 * commands.
 */
import { randomUUID } from 'node:crypto';
import { upgradeWebSocket, type WebSocketLike } from '@hono/node-server';
import type { WSEvents } from 'hono/ws';
import { Failure } from '../../../base/failure.ts';
import { parseServerId } from '../../../base/ids.ts';
import type { ServerView } from '../../../jobs/contract.ts';
import type { App, AppContext, DialectDeps } from '../../dialect.ts';
import { rawSocket, wireOf } from '../../socket-wire.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import type { TokenDenylist } from '../tokens/denylist.ts';
import { serverObject } from '../server-object.ts';
import { SocketRegistry } from './registry.ts';
import { CLOSE, SocketSession } from './session.ts';

export interface SocketDeps {
  readonly facts: Pick<FlavourFacts, 'socket' | 'tokens' | 'frames'>;
  readonly credentials: { readonly key: Uint8Array };
  /** null without a panel: then clients other than browsers may connect too. */
  readonly panelUrl: string | null;
  readonly allowedOrigins: readonly string[];
  readonly denylist: TokenDenylist;
  readonly newErrorId?: () => string;
}

export function isSocketPath(path: string): boolean {
  return /^\/api\/servers\/[^/]+\/ws$/.test(path);
}

export function mountSocket(app: App, ports: DialectDeps, deps: SocketDeps): void {
  const registry = new SocketRegistry(ports.service, ports.clock, deps.facts.socket);
  ports.events.subscribe((event) => registry.take(event));
  deps.denylist.onChange((change) => registry.change(change));
  const mayCome = originCheck(ports, deps);

  app.get('/api/servers/:server/ws', async (c) => {
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
      return c.json({ error: 'This address speaks websocket only.' }, 426, {
        Upgrade: 'websocket',
        Connection: 'Upgrade',
      });
    }
    if (!mayCome(c)) return c.json({ error: 'This origin may not open sockets of this node.' }, 403);
    const view = await known(c, ports);
    if (view === undefined) return c.json({ error: deps.facts.socket.unknownServer }, 404);
    if (!registry.hasRoom(view.id)) {
      const [status, error] = deps.facts.socket.tooMany;
      return c.json({ error }, status);
    }
    return upgradeWebSocket(c, session(view, registry, ports, deps), {
      onError: (error) => ports.log.error('A socket of the panel failed', { error }),
    });
  });
}

async function known(c: AppContext, { service }: Pick<DialectDeps, 'service'>): Promise<ServerView | undefined> {
  try {
    return await service.server(parseServerId((c.req.param('server') ?? '').toLowerCase()));
  } catch (error) {
    if (error instanceof Failure && error.code === 'server_not_found') return undefined;
    throw error;
  }
}

/** Only browsers name the origin honestly; the token is what authenticates. */
function originCheck(
  { publicUrl }: Pick<DialectDeps, 'publicUrl'>,
  { facts, panelUrl, allowedOrigins }: SocketDeps,
): (c: AppContext) => boolean {
  const anyone = facts.socket.anyOrigin || allowedOrigins.includes('*');
  const known = new Set(allowedOrigins);
  for (const url of [panelUrl, publicUrl]) if (url !== null) known.add(new URL(url).origin);
  return (c) => {
    const origin = c.req.header('origin');
    if (anyone) return true;
    if (origin === undefined) return panelUrl === null;
    return known.has(origin) || origin === new URL(c.req.url).origin;
  };
}

function session(
  view: ServerView,
  registry: SocketRegistry,
  ports: DialectDeps,
  deps: SocketDeps,
): WSEvents<WebSocketLike> {
  const { newErrorId = randomUUID, credentials } = deps;
  const { state, utilization } = serverObject(view);
  const game = { state, stats: JSON.stringify(utilization) };
  let open: SocketSession | undefined;
  let leave: (() => void) | undefined;
  return {
    onOpen(_, socket) {
      const raw = rawSocket(socket);
      const { id: server, suspended } = view;
      const key = (): Uint8Array => credentials.key;
      open = new SocketSession({ ...ports, ...deps, wire: wireOf(raw), server, suspended, key, game, newErrorId });
      leave = registry.enter(open);
      if (leave === undefined) return open.close(CLOSE.tooMany);
      raw.on('ping', () => open?.noteAlive());
      raw.on('pong', () => open?.noteAlive());
      open.begin();
    },
    onMessage({ data }) {
      if (typeof data === 'string') open?.receive(data);
      else if (!(data instanceof Blob)) open?.receive(new Uint8Array(data));
    },
    onClose() {
      open?.end();
      leave?.();
    },
  };
}
