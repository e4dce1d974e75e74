import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../../dialect.ts';
import { MESSAGE_PACK, toMessagePack, wantsMessagePack } from '../requests/message-pack.ts';
import { isPanelPath } from '../requests/response-headers.ts';

/** Answers in MessagePack to a panel that asks for it, whichever part of this node makes them: refusals too. */
export const negotiated: MiddlewareHandler<AppEnv> = async function negotiated(c, next) {
  await next();
  if (!isPanelPath(c.req.path) || !wantsMessagePack(c.req.header('accept')) || !isJson(c.res)) return;
  const { status, headers } = c.res;
  const packed = new Response(toMessagePack(await c.res.json()), { status, headers: new Headers(headers) });
  packed.headers.set('Content-Type', MESSAGE_PACK);
  packed.headers.set('Vary', 'Accept');
  packed.headers.delete('Content-Length');
  c.res = undefined;
  c.res = packed;
};

function isJson({ headers }: Response): boolean {
  return /^application\/json\b/.test(headers.get('content-type') ?? '');
}
