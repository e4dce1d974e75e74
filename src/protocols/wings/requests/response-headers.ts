/**
 * What answers carry on the panel's paths, whoever gives the answer: which origins browsers may read it from, who the
 * node is, and a request id of our own making. Preflights end here, before anybody is asked for a token.
 */
import type { MiddlewareHandler } from 'hono';
import type { AppContext, AppEnv } from '../../dialect.ts';
import { type FlavourFacts, identityOf } from '../flavours/contract.ts';
import type { NodeCredentials } from '../tokens/node-credentials.ts';

export interface HeaderOptions {
  readonly facts: FlavourFacts;
  readonly credentials: Pick<NodeCredentials, 'tokenId'>;
  /** Of the panel's own pages. */
  readonly panelOrigin: string;
  readonly allowedOrigins: readonly string[];
  readonly version: string;
  readonly newRequestId: () => string;
}

const SECTIONS = 'backups|deauthorize-user|diagnostics|servers|system|transfers|update';
const PROTECTED = new RegExp(`^/api/(?:${SECTIONS})(?:/|$)`);
/** Opened with a signed link; and the node's root, which Pelican's pages fetch to see whether the node is there. */
const OPEN = /^\/(?:$|download\/|upload\/)/;

// As the panels' own daemons send them.
const FIXED = {
  'Access-Control-Allow-Credentials': 'true',
  'Access-Control-Allow-Methods': 'GET, POST, PATCH, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers':
    'Accept, Accept-Encoding, Authorization, Cache-Control, Content-Type, Content-Length, Origin, X-Real-IP, X-CSRF-Token',
  'Access-Control-Max-Age': '7200',
} as const;

export function responseHeaders(deps: HeaderOptions): MiddlewareHandler<AppEnv> {
  return async function responseHeaders(c, next) {
    const isProtected = PROTECTED.test(c.req.path);
    if (!isProtected && !OPEN.test(c.req.path)) return next();
    freshRequestId(c, deps.newRequestId);
    for (const [name, value] of Object.entries(FIXED)) c.header(name, value);
    c.header('Access-Control-Allow-Origin', allowedOrigin(c.req.header('origin'), deps));
    // A page may look whether the node answers without reading what (fetch with `no-cors`).
    c.header('Cross-Origin-Resource-Policy', 'cross-origin');
    if (isProtected && deps.facts.routes.identifiesItself) c.header('User-Agent', identityOf(deps));
    return c.req.method === 'OPTIONS' ? c.body(null, 204) : next();
  };
}

function freshRequestId(c: AppContext, newRequestId: () => string): void {
  // Panels show it to people who then look for it in the log: nobody else's id may stand there.
  if (c.req.header('x-request-id') === undefined) return;
  const id = newRequestId();
  c.set('requestId', id);
  c.header('X-Request-Id', id);
}

/** The panel's own, unless the request comes from another one that is allowed. */
function allowedOrigin(origin: string | undefined, { panelOrigin, allowedOrigins }: HeaderOptions): string {
  if (origin === panelOrigin) return panelOrigin;
  return allowedOrigins.find((allowed) => allowed === '*' || allowed === origin) ?? panelOrigin;
}
