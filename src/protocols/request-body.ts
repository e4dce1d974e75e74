/**
 * Reading a request's body: bounded before it is held, and only after the caller was found to be allowed. A body
 * must be read to its end before a handler waits for a job: Node's `requestTimeout` counts until then, and would cut
 * the connection of a caller who waits.
 */
import { MEBIBYTE } from '../base/sizes.ts';
import { Failure } from '../base/failure.ts';
import type { AppContext } from './dialect.ts';

const LARGEST_BODY = MEBIBYTE;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The body as text; '' when there is none. The request's own `text()` and `json()` give the same text afterwards.
 *
 * @throws Failure `too_large` beyond 1 MiB, as soon as that is known; `invalid_request` when it is not UTF-8, or when
 *   the client stopped in the middle of it.
 */
export async function readBody(c: AppContext): Promise<string> {
  const declared = Number(c.req.header('content-length') ?? 0);
  if (declared > LARGEST_BODY) throw tooLarge();
  const text = decode(await collect(c.req.raw.body));
  keepBody(c, text);
  return text;
}

/** Makes this text the request's body for whoever asks Hono for it next. */
export function keepBody(c: AppContext, text: string): void {
  // Hono keeps the promises of its own `text()` here, though it types them as what they resolve to.
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
    // Without a declared length (chunked) the limit is met only while reading. What follows is left to the server,
    // which drains or drops it after the answer.
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
