/** gzip for long JSON answers, for clients that take it. Bodies that are sent piece by piece stay as they are. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { MiddlewareHandler } from 'hono';
import type { AppContext, AppEnv } from '../protocols/dialect.ts';

/** One packet holds a shorter one either way. */
const SHORTEST = 1400;
/** Fast: a list of 500 servers must not keep others waiting. */
const LEVEL = 3;

const compress = promisify(gzip);

export const compressJson: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  const { res } = c;
  if (c.env.sending !== undefined || !/^application\/json\b/i.test(res.headers.get('content-type') ?? '')) return;
  if (res.body === null || res.headers.has('content-encoding') || res.headers.has('content-disposition')) return;
  const vary = res.headers.get('vary');
  if (vary?.toLowerCase().includes('accept-encoding') !== true) {
    res.headers.set('Vary', vary === null ? 'Accept-Encoding' : `${vary}, Accept-Encoding`);
  }
  if (c.req.method === 'HEAD' || !takesGzip(c)) return;
  const plain = new Uint8Array(await res.arrayBuffer());
  const headers = new Headers(res.headers);
  const short = plain.byteLength < SHORTEST;
  if (!short) headers.set('Content-Encoding', 'gzip');
  headers.delete('Content-Length');
  // Hono merges the headers of an answer that is replaced, unless it is taken away first.
  c.res = undefined;
  c.res = new Response(short ? plain : Uint8Array.from(await compress(plain, { level: LEVEL })), {
    status: res.status,
    headers,
  });
};

export function takesGzip(c: AppContext): boolean {
  const accepted = c.req.header('accept-encoding') ?? '';
  return (
    /(?:^|[\s,])gzip(?:$|[\s,;])/i.test(accepted) && !/(?:^|[\s,])gzip\s*;\s*q=0(?:\.0*)?(?:$|[\s,])/i.test(accepted)
  );
}
