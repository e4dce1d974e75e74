/** Reading a request of the panel: its credential, its server, its body. */
import type { z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { Failure } from '../../base/failure.ts';
import { parseServerId } from '../../base/ids.ts';
import type { AppContext, AppEnv } from '../dialect.ts';
import { parsedJson, readBody } from '../request-body.ts';

/** Requires the panel's credential; sets `c.get('server')`. For paths of this dialect alone. */
export const panelOnly: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (c.get('caller')?.dialect !== 'stellar') {
    throw new Failure('unauthorized', 'The request carries no valid credential of the panel');
  }
  const named = c.req.param('server');
  if (named !== undefined) c.set('server', parseServerId(named.toLowerCase()));
  await next();
};

/** @throws Failure `invalid_request` when it is not JSON or does not fit, `too_large`. */
export async function bodyAs<Schema extends z.ZodType>(c: AppContext, schema: Schema): Promise<z.output<Schema>> {
  const text = await readBody(c);
  const parsed = schema.safeParse(parsedJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Failure('invalid_request', `Cannot read the request: ${issue?.path.join('.')}: ${issue?.message}`);
}
