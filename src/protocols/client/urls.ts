import type { AppContext, DialectDeps } from '../dialect.ts';

/** A URL of this node that works from anywhere: under the operator's public address, else under the request's host. */
export function absoluteUrl(c: AppContext, ports: Pick<DialectDeps, 'publicUrl'>, path: string): string {
  return `${ports.publicUrl ?? new URL(c.req.url).origin}${path}`;
}
