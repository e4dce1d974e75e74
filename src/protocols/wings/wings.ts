/**
 * The wings dialect: the daemon API that the panels Pterodactyl, Pelican and Calagopus call, as far as backups need it.
 *
 * It promises each panel the statuses and bodies of its own daemon; that work is accepted first (202) and done later,
 * behind whatever the server is busy with; and that nothing is served without the node's token. What a backup agent
 * does not do (power, files, installs) is answered as not served here. It never decides anything about a backup: that
 * is the service's, so that every dialect behaves alike. docs/wings.md names where it differs from those daemons.
 */
import { randomUUID } from 'node:crypto';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Clock } from '../../base/clock.ts';
import type { Caller } from '../access.ts';
import type { App, AppEnv, Dialect, DialectDeps } from '../dialect.ts';
import { failureOf, logThrown } from '../thrown.ts';
import { mountBackups } from './routes/backups.ts';
import { mountDownload } from './routes/download.ts';
import { FLAVOURS, type WingsFlavour } from './flavours/flavours.ts';
import type { TokenDenylist } from './tokens/denylist.ts';
import type { NodeCredentials } from './tokens/node-credentials.ts';
import { mountNotServed } from './routes/not-served.ts';
import type { PanelServers } from './panel/servers.ts';
import { responseHeaders } from './requests/response-headers.ts';
import { mountRevocation } from './routes/revocation.ts';
import { mountServers } from './routes/servers.ts';
import { isSocketPath, mountSocket } from './socket/socket.ts';
import { mountSystem } from './routes/system.ts';
import { mountUpdate } from './routes/update.ts';

export interface WingsDeps {
  readonly flavour: WingsFlavour;
  readonly credentials: NodeCredentials;
  /** As the config has it, without a slash at its end: also the origin of the panel's pages. */
  readonly panelUrl: string;
  /** Origins besides the panel's that browsers may call from, or `*`. */
  readonly allowedOrigins: readonly string[];
  /** What was granted and denied to the holders of tokens. */
  readonly denylist: TokenDenylist;
  /** The panel's word on servers. */
  readonly panel: PanelServers;
  readonly clock: Clock;
  readonly newRequestId?: () => string;
}

const PANEL_CALLER: Caller = { id: 'panel', dialect: 'wings', permissions: ['*'], servers: ['*'] };

// The scheme's case counts, as in the panels' own daemons.
const BEARER = /^Bearer (.+)$/;

export function wingsDialect(deps: WingsDeps): Dialect {
  const { credentials, allowedOrigins, denylist, panel, newRequestId = randomUUID } = deps;
  const facts = FLAVOURS[deps.flavour];
  const panelOrigin = new URL(deps.panelUrl).origin;
  return {
    name: 'wings',
    identify(headers) {
      const [, presented = ''] = BEARER.exec(headers.get('authorization') ?? '') ?? [];
      return credentials.matches(presented) ? PANEL_CALLER : undefined;
    },
    mount(app: App, ports: DialectDeps) {
      const { version } = ports;
      const own: App = new OpenAPIHono<AppEnv>();
      own.onError((error, c) => {
        const failure = failureOf(error);
        const answer = facts.answers.failed(c, failure);
        logThrown(c, error, answer.status, ports.log);
        return answer;
      });
      own.use('*', responseHeaders({ facts, credentials, panelOrigin, allowedOrigins, newRequestId, version }));
      mountSystem(own, ports, facts);
      mountServers(own, ports, { facts, panel, denylist });
      mountBackups(own, ports, facts);
      mountRevocation(own, ports, facts, denylist);
      mountUpdate(own, ports, facts, credentials);
      mountDownload(own, ports, { ...deps, facts });
      mountSocket(own, ports, { ...deps, facts });
      mountNotServed(own);
      app.route('/', own);
    },
    speaksSocket: isSocketPath,
  };
}
