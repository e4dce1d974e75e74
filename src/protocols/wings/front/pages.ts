/**
 * All pages whose sockets go through the front. Wings is dialled first, and its refusal is the answer; only then the
 * page's own upgrade is accepted.
 */
import { WebSocket, WebSocketServer } from 'ws';
import { isUuid, parseServerId, type ServerId } from '../../../base/ids.ts';
import type { BackupService, EventSource } from '../../../jobs/contract.ts';
import { answerUpgrade, requestHeaders, type Upstream } from '../../../relay/relay.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import { SocketRegistry } from '../socket/registry.ts';
import type { TokenDenylist } from '../tokens/denylist.ts';
import { FAULTS, type FrontAnswer } from './answers.ts';
import type { FrontUpgrade } from './front.ts';
import { PageSocket, type PageSocketOptions, RESTARTS } from './page-socket.ts';

export interface PagesDeps extends Omit<
  PageSocketOptions,
  'server' | 'page' | 'wings' | 'denylist' | 'isLocked' | 'facts'
> {
  readonly facts: Pick<FlavourFacts, 'socket' | 'tokens' | 'routes'>;
  readonly service: Pick<BackupService, 'job' | 'isUnderRestore'>;
  readonly events: EventSource;
  readonly denylist: TokenDenylist;
  readonly upstream: Upstream;
}

/** Bytes of one frame. */
const FROM_PAGE_BYTES = 64 * 1024;
const FROM_WINGS_BYTES = 1024 * 1024;

export class Pages {
  readonly #deps: PagesDeps;
  readonly #registry: SocketRegistry;
  readonly #open = new Set<PageSocket>();
  readonly #accepting = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: FROM_PAGE_BYTES,
    perMessageDeflate: false,
    // Wings takes none either.
    handleProtocols: () => false,
  });
  readonly #unfollow: readonly (() => void)[];

  constructor(deps: PagesDeps) {
    this.#deps = deps;
    const { socket, routes } = deps.facts;
    // Wings behind serves the rest of the file manager.
    const browsable = routes.browsesBackups === true;
    this.#registry = new SocketRegistry(deps.service, deps.clock, { ...socket, browsable });
    this.#unfollow = [
      deps.events.subscribe((event) => this.#registry.take(event)),
      deps.denylist.onChange((change) => this.#registry.change(change)),
    ];
  }

  get count(): number {
    return this.#open.size;
  }

  open(upgrade: FrontUpgrade, named: string, refuse: (answer: FrontAnswer) => void): void {
    const { socket } = upgrade;
    // Wings knows servers by UUIDs alone; it answers for itself.
    const server = parseServerIdOrNone(named);
    if (server !== undefined && !this.#registry.hasRoom(server)) {
      const [status, error] = this.#deps.facts.socket.tooMany;
      return refuse({ status, error });
    }
    const wings = this.#dial(upgrade, named);
    const gone = (): void => wings.terminate();
    socket.once('close', gone);
    // What Wings says before the page is there.
    const first: [Buffer, boolean][] = [];
    const keep = (data: Buffer, binary: boolean): void => void first.push([data, binary]);
    wings.on('message', keep);
    let answered = false;
    wings.once('unexpected-response', (_, answer) => {
      answered = true;
      socket.off('close', gone);
      answerUpgrade(upgrade.incoming, socket, answer, this.#deps.timers);
    });
    wings.on('error', () => {
      if (wings.readyState !== WebSocket.OPEN && first.length === 0 && !socket.destroyed && !answered) {
        answered = true;
        refuse(FAULTS.away);
      }
    });
    wings.once('open', () => {
      answered = true;
      socket.off('close', gone);
      this.#accepting.handleUpgrade(upgrade.incoming, socket, upgrade.first, (page) => {
        wings.off('message', keep);
        this.#join(server, page, wings, first);
      });
      if (socket.destroyed) wings.terminate();
    });
  }

  /** Ends all sockets; the pages connect again once this node is back. */
  close(): void {
    for (const stop of this.#unfollow) stop();
    for (const page of Array.from(this.#open)) page.close({ ...RESTARTS, text: 'shutting down' });
  }

  #dial({ head, incoming, client }: FrontUpgrade, named: string): WebSocket {
    const { authority } = this.#deps.upstream;
    const { rawHeaders } = incoming;
    const headers = requestHeaders({ rawHeaders, client, length: undefined, host: authority });
    const url = `ws://${authority}/api/servers/${encodeURIComponent(named)}/ws${head.query}`;
    return new WebSocket(url, {
      headers: withoutHandshake(headers),
      perMessageDeflate: false,
      maxPayload: FROM_WINGS_BYTES,
      followRedirects: false,
    });
  }

  #join(server: ServerId | undefined, page: WebSocket, wings: WebSocket, first: [Buffer, boolean][]): void {
    // A frame that breaks the protocol is an error before it is a close.
    page.on('error', () => undefined);
    if (server === undefined || wings.readyState !== WebSocket.OPEN) {
      page.close(RESTARTS.code, RESTARTS.text);
      return wings.terminate();
    }
    const { facts, key, denylist, clock, timers, service } = this.#deps;
    const isLocked = (): boolean => service.isUnderRestore(server);
    const joined = new PageSocket({ server, page, wings, facts, key, denylist, clock, timers, isLocked });
    const leave = this.#registry.enter(joined);
    this.#open.add(joined);
    page.once('close', () => {
      this.#open.delete(joined);
      leave?.();
    });
    joined.begin(first);
    if (leave === undefined) joined.close({ code: 1013, text: 'too many sockets' });
  }
}

function parseServerIdOrNone(named: string): ServerId | undefined {
  const lower = named.toLowerCase();
  return isUuid(lower) ? parseServerId(lower) : undefined;
}

/** The handshake with Wings is its own: key, version and extensions are not the page's. */
function withoutHandshake(headers: readonly string[]): Record<string, string[]> {
  const kept: Record<string, string[]> = {};
  for (let index = 0; index < headers.length; index += 2) {
    const [name = '', value = ''] = [headers[index], headers[index + 1]];
    if (!name.toLowerCase().startsWith('sec-websocket-')) (kept[name] ??= []).push(value);
  }
  return kept;
}
