/**
 * Headers on the panel's paths, whichever dialect answers: allowed origins, the node's identity, and a request id made
 * here. Preflights are answered here, before authentication.
 */
import type { MiddlewareHandler } from 'hono';
import type { AppContext, AppEnv } from '../../dialect.ts';
import { type FlavourFacts, identityOf } from '../flavours/contract.ts';
import type { NodeCredentials } from '../tokens/node-credentials.ts';

export interface HeaderOptions {
  readonly facts: FlavourFacts;
  readonly credentials: Pick<NodeCredentials, 'tokenId'>;
  readonly panelOrigin: string;
  readonly allowedOrigins: readonly string[];
  readonly version: string;
  readonly newRequestId: () => string;
}

const SECTIONS = 'backups|deauthorize-user|diagnostics|servers|system|transfers|update';
const PROTECTED = new RegExp(`^/api/(?:${SECTIONS})(?:/|$)`);
/** Paths with a signed link, and the root, which Pelican's pages fetch to see whether the node answers. */
const OPEN = /^\/(?:$|download\/|upload\/)/;

const FIXED = {
  'Access-Control-Allow-Credentials': 'true',
  'Access-Control-Allow-Methods': 'GET, POST, PATCH, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers':
    'Accept, Accept-Encoding, Authorization, Cache-Control, Content-Type, Content-Length, Origin, X-Real-IP, X-CSRF-Token',
  'Access-Control-Max-Age': '7200',
} as const;

export function responseHeaders(deps: HeaderOptions): MiddlewareHandler<AppEnv> {
  return async function responseHeaders(c, next) {
    if (!isPanelPath(c.req.path)) return next();
    freshRequestId(c, deps.newRequestId);
    const headers = panelHeaders(c.req.path, c.req.header('origin'), deps);
    for (const [name, value] of Object.entries(headers)) c.header(name, value);
    return c.req.method === 'OPTIONS' ? c.body(null, 204) : next();
  };
}

export function isPanelPath(path: string): boolean {
  return PROTECTED.test(path) || OPEN.test(path);
}

/** What answers on a path carry, whichever part of this node makes them. */
export function panelHeaders(
  path: string,
  origin: string | undefined,
  deps: HeaderOptions,
): Readonly<Record<string, string>> {
  const named = PROTECTED.test(path) && deps.facts.routes.identifiesItself;
  return {
    ...FIXED,
    'Access-Control-Allow-Origin': allowedOrigin(origin, deps),
    // Pages check that the node answers with a `no-cors` fetch.
    'Cross-Origin-Resource-Policy': 'cross-origin',
    ...(named ? { 'User-Agent': identityOf(deps) } : {}),
  };
}

function freshRequestId(c: AppContext, newRequestId: () => string): void {
  // Panels show the id to people who then search the log: a caller must not choose it.
  if (c.req.header('x-request-id') === undefined) return;
  const id = newRequestId();
  c.set('requestId', id);
  c.header('X-Request-Id', id);
}

function allowedOrigin(origin: string | undefined, { panelOrigin, allowedOrigins }: HeaderOptions): string {
  if (origin === panelOrigin) return panelOrigin;
  return allowedOrigins.find((allowed) => allowed === '*' || allowed === origin) ?? panelOrigin;
}
