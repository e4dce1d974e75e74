import type { MiddlewareHandler } from 'hono';
import { Failure } from '../base/failure.ts';
import type { AppEnv } from './dialect.ts';
import { keepBody, readBody } from './request-body.ts';

/**
 * Makes of whatever body came the JSON object that the route's schema then checks. An empty body is `{}`, so that
 * `curl -X POST` works where every field is optional. The Content-Type is not examined: `curl -d` labels JSON as a
 * form, and a bearer token, unlike a cookie, is not sent along by a browser that was tricked.
 */
export const jsonBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  const text = await readBody(c);
  const given = text.trim() === '' ? '{}' : text;
  parsedJson(given);
  // What the schema validator of @hono/zod-openapi looks at: the label, and the text.
  c.req.raw.headers.set('content-type', 'application/json');
  keepBody(c, given);
  await next();
};

/** For routes that take no body: whatever came is read, within the limit, and counts for nothing. */
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
