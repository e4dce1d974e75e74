import { once } from 'node:events';
import { createInflateRaw, type InflateRaw } from 'node:zlib';
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../../base/failure.ts';
import { makeStreamInflater, type StreamInflater } from '../gzip/inflate-stream.ts';
import { damaged } from './damaged.ts';
import type { SourceCursor } from './source-cursor.ts';

const OUTPUT = 64 * 1024;
/** Pieces of a mebibyte took a restore 55 MB more: memory is collected late. */
const LATER_OUTPUT = 256 * 1024;

/**
 * Inflates one raw deflate stream from the cursor, off the main thread and no faster than it is consumed. Afterwards
 * the cursor stands on the first byte after the stream.
 *
 * Not `createGunzip`: it ends silently at a zero byte between two members and does not say where a member ended, so
 * what follows could be neither checked nor reported.
 *
 * @throws Failure `archive_damaged` with the offset when the stream is damaged or ends early; `cancelled`.
 */
export async function* inflateRaw(cursor: SourceCursor, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const start = cursor.offset;
  const inflate = createInflateRaw({ chunkSize: OUTPUT });
  const feeding = feed(inflate, cursor);
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      throwIfAborted(signal, 'Cannot read the archive');
      yield chunk;
    }
  } catch (error) {
    throw asDamage(error, cursor, start);
  } finally {
    inflate.destroy();
    await feeding;
  }
  cursor.seek(start + inflate.bytesWritten);
}

/**
 * As `inflateRaw`, for a stream that other bytes follow, such as gzip's trailer: by ISA-L where it is installed, in pieces
 * of up to 256 KiB. Inflates in the calling thread, which gets to other work between pieces. Throws as `inflateRaw`.
 */
export function inflateFollowed(cursor: SourceCursor, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const inflater = makeStreamInflater();
  return inflater === undefined ? inflateRaw(cursor, signal) : inflatePieces(inflater, cursor, signal);
}

async function* inflatePieces(
  inflater: StreamInflater,
  cursor: SourceCursor,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const start = cursor.offset;
  // Members may be short, and many.
  let piece = newPiece(OUTPUT);
  let made = 0;
  let input = await cursor.next();
  for (;;) {
    const step = inflater.step(input, piece.subarray(made));
    if (step === undefined) {
      const message = `its compressed data is damaged before byte ${cursor.offset}`;
      throw damaged(message, { start, offset: cursor.offset });
    }
    made += step.made;
    if (step.ended) {
      cursor.seek(cursor.offset - step.left);
      if (made > 0) yield piece.subarray(0, made);
      return;
    }
    input = undefined;
    if (made === piece.length) {
      throwIfAborted(signal, 'Cannot read the archive');
      yield piece;
      piece = newPiece(LATER_OUTPUT);
      made = 0;
      // A few bytes may become a gibibyte, and nothing else makes this wait.
      await setImmediate();
      continue;
    }
    input = await cursor.next();
    if (input === undefined) throw damaged('its compressed data ends early', { start, offset: cursor.offset });
  }
}

/** New memory for each: its consumer may keep it. */
function newPiece(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length);
}

/** Feeds the stream one chunk at a time. Never rejects: errors destroy the stream, whose reader then throws them. */
async function feed(inflate: InflateRaw, cursor: SourceCursor): Promise<void> {
  const closed = once(inflate, 'close').catch(() => undefined);
  let fed = 0;
  try {
    while (!inflate.destroyed) {
      const chunk = await cursor.next();
      if (chunk === undefined) {
        inflate.end();
        return;
      }
      fed += chunk.length;
      const written = new Promise<void>((resolve) => {
        inflate.write(chunk, () => resolve());
      });
      await Promise.race([written, closed]);
      // Bytes are left over: the deflate stream has ended, and they belong to what follows.
      if (inflate.bytesWritten < fed) return;
    }
  } catch (error) {
    inflate.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function asDamage(error: unknown, cursor: SourceCursor, start: number): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === undefined || !code.startsWith('Z_')) return error;
  const facts = { start, offset: cursor.offset, zlib: code };
  if (code === 'Z_BUF_ERROR') return damaged('its compressed data ends early', facts);
  return damaged(`its compressed data is damaged before byte ${cursor.offset} (${(error as Error).message})`, facts);
}
