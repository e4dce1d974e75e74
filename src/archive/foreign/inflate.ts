import { once } from 'node:events';
import { createInflateRaw, type InflateRaw } from 'node:zlib';
import { throwIfAborted } from '../../base/failure.ts';
import { damaged } from './damaged.ts';
import type { SourceCursor } from './source-cursor.ts';

const OUTPUT = 64 * 1024;

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
