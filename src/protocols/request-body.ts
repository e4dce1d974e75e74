/**
 * Reads a request's body, bounded, after authorization. It must be read to its end before a handler waits for a job:
 * Node's `requestTimeout` runs until then, and would cut the waiting caller's connection.
 */
import { MEBIBYTE } from '../base/sizes.ts';
import type { MiddlewareHandler } from 'hono';
import { Failure } from '../base/failure.ts';
import type { AppContext, AppEnv } from './dialect.ts';
import { Slots } from './slots.ts';

const LARGEST_BODY = MEBIBYTE;
/** Of a request without a known credential; strangers may open thousands of connections. */
const LARGEST_OF_STRANGER = 16 * 1024;
/** Bodies beyond that which one caller, and all together, may have in memory until they are answered. */
const LARGE_OF_CALLER = 16;
const LARGE_IN_ALL = 64;

const largeBodies = new Slots(LARGE_IN_ALL);

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The body as text; '' when absent. The request's `text()` and `json()` return the same text afterwards.
 *
 * @throws Failure `too_large` beyond 1 MiB, and 16 KiB without a known credential, as early as possible; `server_busy`
 *   (429) for too many large ones at a time; `invalid_request` when it is not UTF-8 or ends early.
 */
export async function readBody(c: AppContext): Promise<string> {
  const text = decode(await readBytes(c));
  keepBody(c, text);
  return text;
}

/** The body as it came. @throws Failure like `readBody`, but for text. */
export async function readBytes(c: AppContext): Promise<Buffer> {
  const { bytes, release } = await receive(c);
  release();
  return bytes;
}

interface Received {
  readonly bytes: Buffer;
  /** To be called once nothing of the body is needed. */
  readonly release: () => void;
}

async function receive(c: AppContext): Promise<Received> {
  const caller = c.get('caller');
  const most = caller === undefined ? LARGEST_OF_STRANGER : LARGEST_BODY;
  const declared = Number(c.req.header('content-length') ?? 0);
  if (declared > most) throw tooLarge(most);
  return collect(c.req.raw.body, most, () => placeOf(caller?.session ?? caller?.id ?? ''));
}

function placeOf(holder: string): () => void {
  const release = largeBodies.take(holder, LARGE_OF_CALLER);
  if (release !== undefined) return release;
  throw new Failure('server_busy', 'Cannot read the request body: too many large ones are being worked on', {
    facts: { tooMany: true },
    hint: 'Wait for the answers to the earlier requests.',
    retry: true,
  });
}

/** Replaces the body that Hono returns from now on. */
function keepBody(c: AppContext, text: string): void {
  // Hono caches the promise of `text()` here, typed as its value.
  c.req.bodyCache.text = Promise.resolve(text) as unknown as string;
}

async function collect(
  body: ReadableStream<Uint8Array> | null,
  most: number,
  takePlace: () => () => void,
): Promise<Received> {
  if (body === null) return { bytes: Buffer.alloc(0), release: () => undefined };
  const reader = body.getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  let release: (() => void) | undefined;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw new Failure('invalid_request', 'Cannot read the request body: it ended early', { cause: error });
      });
      if (done) return { bytes: Buffer.concat(pieces), release: release ?? (() => undefined) };
      length += value.byteLength;
      // A chunked body shows its length only while reading. The server drains or drops the rest after the answer.
      if (length > most) throw tooLarge(most);
      if (length > LARGEST_OF_STRANGER) release ??= takePlace();
      pieces.push(value);
    }
  } catch (error) {
    release?.();
    throw error;
  }
}

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new Failure('invalid_request', 'Cannot read the request body: it is not UTF-8 text', { cause: error });
  }
}

function tooLarge(most: number): Failure {
  const limit = most === LARGEST_BODY ? '1 MiB' : '16 KiB';
  return new Failure('too_large', `Cannot read the request body: it is larger than ${limit}`);
}

/**
 * Prepares the body for the route's schema. An empty body is `{}`, so that `curl -X POST` works where every field is
 * optional. The Content-Type is ignored: `curl -d` labels JSON as a form, and browsers do not send bearer tokens by
 * themselves.
 */
export const jsonBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { bytes, release } = await receive(c);
  try {
    const text = decode(bytes);
    const given = text.trim() === '' ? '{}' : text;
    parsedJson(given);
    // @hono/zod-openapi validates by this header and the cached text.
    c.req.raw.headers.set('content-type', 'application/json');
    keepBody(c, given);
    await next();
  } finally {
    release();
  }
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
