/**
 * The wings dialect: the backup part of the daemon API that Pterodactyl, Pelican and Calagopus call.
 *
 * For: nodes of these panels. Promises: statuses and bodies of each panel's own daemon; work is accepted first (202)
 * and queues behind a busy server; nothing is served without the node's token; what Roost does not do (power, files,
 * installs) says so. Never: decides about a backup, which is the service's. docs/wings.md lists the differences from
 * those daemons.
 */
import { randomUUID } from 'node:crypto';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Clock } from '../../base/clock.ts';
import type { Caller } from '../access.ts';
import type { App, AppEnv, Dialect, DialectDeps } from '../dialect.ts';
import { failureOf, logThrown } from '../thrown.ts';
import { negotiated } from './answers/negotiated.ts';
import { mountBrowse } from './browse/routes.ts';
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
  /** From the config, without a trailing slash; also the origin of the panel's pages. */
  readonly panelUrl: string;
  /** Further origins that browsers may call from, or `*`. */
  readonly allowedOrigins: readonly string[];
  readonly denylist: TokenDenylist;
  readonly panel: PanelServers;
  readonly clock: Clock;
  readonly newRequestId?: () => string;
}

const PANEL_CALLER: Caller = { id: 'panel', dialect: 'wings', permissions: ['*'], servers: ['*'] };

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
      if (facts.routes.messagePack) own.use('*', negotiated);
      mountSystem(own, ports, facts);
      mountServers(own, ports, { facts, panel, denylist });
      mountBackups(own, ports, facts);
      mountRevocation(own, ports, facts, denylist);
      mountUpdate(own, ports, facts, credentials);
      mountDownload(own, ports, { ...deps, facts });
      mountSocket(own, ports, { ...deps, facts });
      if (facts.routes.browsesBackups) mountBrowse(own, ports, { ...deps, facts });
      mountNotServed(own);
      app.route('/', own);
    },
    speaksSocket: isSocketPath,
  };
}
