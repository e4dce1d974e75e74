/**
 * Reads a request's body, bounded, after authorization. It must be read to its end before a handler waits for a job:
 * Node's `requestTimeout` runs until then, and would cut the waiting caller's connection.
 */
import { MEBIBYTE } from '../base/sizes.ts';
import type { MiddlewareHandler } from 'hono';
import { Failure } from '../base/failure.ts';
import type { AppContext, AppEnv } from './dialect.ts';

const LARGEST_BODY = MEBIBYTE;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The body as text; '' when absent. The request's `text()` and `json()` return the same text afterwards.
 *
 * @throws Failure `too_large` beyond 1 MiB, as early as possible; `invalid_request` when it is not UTF-8 or ends early.
 */
export async function readBody(c: AppContext): Promise<string> {
  const text = decode(await readBytes(c));
  keepBody(c, text);
  return text;
}

/** The body as it came. @throws Failure like `readBody`, but for text. */
export async function readBytes(c: AppContext): Promise<Buffer> {
  const declared = Number(c.req.header('content-length') ?? 0);
  if (declared > LARGEST_BODY) throw tooLarge();
  return collect(c.req.raw.body);
}

/** Replaces the body that Hono returns from now on. */
function keepBody(c: AppContext, text: string): void {
  // Hono caches the promise of `text()` here, typed as its value.
  c.req.bodyCache.text = Promise.resolve(text) as unknown as string;
}

async function collect(body: ReadableStream<Uint8Array> | null): Promise<Buffer> {
  if (body === null) return Buffer.alloc(0);
  const reader = body.getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw new Failure('invalid_request', 'Cannot read the request body: it ended early', { cause: error });
    });
    if (done) return Buffer.concat(pieces);
    length += value.byteLength;
    // A chunked body shows its length only while reading. The server drains or drops the rest after the answer.
    if (length > LARGEST_BODY) throw tooLarge();
    pieces.push(value);
  }
}

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new Failure('invalid_request', 'Cannot read the request body: it is not UTF-8 text', { cause: error });
  }
}

function tooLarge(): Failure {
  return new Failure('too_large', 'Cannot read the request body: it is larger than 1 MiB');
}

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
