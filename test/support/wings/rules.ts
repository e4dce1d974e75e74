/** What the three daemons answer where they differ, as their own code does it. */
import type { PanelFlavour } from '../panel/flavours.ts';

export interface DaemonRules {
  readonly noToken: readonly [number, string];
  readonly wrongToken: readonly [number, string];
  readonly unknownServer: readonly [number, string];
  /** Status and body of what has nothing to say. */
  readonly done: readonly [number, string];
  readonly accepted: readonly [number, string];
  readonly version: string;
  /** Errors are `{"error","request_id"}`; otherwise `{"error"}`. */
  readonly namesRequests: boolean;
  /** The decoded path is matched; otherwise the path as it came. */
  readonly decodesPath: boolean;
  /** A pushed token counts. */
  readonly takesToken: boolean;
}

/** pterodactyl/wings router/middleware/middleware.go, router/router_server.go. */
const GO: DaemonRules = {
  noToken: [401, 'The required authorization heads were not present in the request.'],
  wrongToken: [403, 'You are not authorized to access this endpoint.'],
  unknownServer: [404, 'The requested resource does not exist on this instance.'],
  done: [204, ''],
  accepted: [202, ''],
  version: '1.11.13',
  namesRequests: true,
  decodesPath: true,
  takesToken: true,
};

export const DAEMON_RULES: Readonly<Record<PanelFlavour, DaemonRules>> = {
  pterodactyl: GO,
  pelican: { ...GO, version: '1.0.0-beta21' },
  /** calagopus/wings src/routes, src/response.rs. */
  calagopus: {
    noToken: [401, 'invalid authorization header'],
    wrongToken: [401, 'invalid authorization token'],
    unknownServer: [404, 'server not found'],
    done: [200, '{}'],
    accepted: [202, '{}'],
    version: '1.1.0:double',
    namesRequests: false,
    decodesPath: false,
    takesToken: false,
  },
};
