import type { MiddlewareHandler } from 'hono';
import { Failure } from '../base/failure.ts';
import type { AppEnv } from './dialect.ts';
import { keepBody, readBody } from './request-body.ts';

/**
 * Prepares the body for the route's schema. An empty body is `{}`, so that `curl -X POST` works where every field is
 * optional. The Content-Type is ignored: `curl -d` labels JSON as a form, and browsers do not send bearer tokens by
 * themselves.
 */
export const jsonBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  const text = await readBody(c);
  const given = text.trim() === '' ? '{}' : text;
  parsedJson(given);
  // @hono/zod-openapi validates by this header and the cached text.
  c.req.raw.headers.set('content-type', 'application/json');
  keepBody(c, given);
  await next();
};

/** For routes without a body: reads it, within the limit, and ignores it. */
export const ignoredBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  await readBody(c);
  await next();
};

/** @throws Failure `invalid_request` when it is not JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure('invalid_request', 'Cannot read the request body: it is not valid JSON', { cause: error });
  }
}
