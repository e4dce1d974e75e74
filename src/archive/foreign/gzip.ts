/**
 * Reads a gzip file of any number of members (RFC 1952) as one stream. CRC and length are checked at each member's end,
 * so bytes already yielded may turn out damaged: use them only after the stream has ended.
 */
import { crc32 } from 'node:zlib';
import type { ByteSource } from '../../base/source.ts';
import { combineCrc32 } from '../gzip/crc32.ts';
import { makeIsalChecksum } from '../gzip/isal-library.ts';
import { firstNonZero } from '../tar/zeros.ts';
import { damaged } from './damaged.ts';
import { inflateFollowed } from './inflate.ts';
import { SourceCursor } from './source-cursor.ts';

const FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 };
/** The gzip header gives no length for a name or comment; real ones are far shorter. */
const MAX_TEXT = 64 * 1024;

/** Bytes of a container, in order. Returns where garbage after it begins, or undefined when there is none. */
export type Unpacked = AsyncGenerator<Uint8Array, number | undefined, void>;

export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

/**
 * The bytes of all members. Zeros after the last one (tapes, block-wise copies) do not count as garbage.
 *
 * @param cursor at the start of the first member; its offset shows the progress.
 * @throws Failure `archive_damaged` for a truncated or damaged member, with offsets; `cancelled`.
 */
export async function* gunzip(cursor: SourceCursor, source: ByteSource, signal?: AbortSignal): Unpacked {
  const checksum = makeIsalChecksum() ?? crc32;
  for (;;) {
    const start = cursor.offset;
    await skipHeader(cursor);
    let crc = 0;
    let length = 0;
    for await (const chunk of inflateFollowed(cursor, signal)) {
      crc = combineCrc32(crc, checksum(chunk), chunk.length);
      length += chunk.length;
      yield chunk;
    }
    const trailer = await cursor.take(8);
    if (trailer === undefined) throw damaged('its gzip data ends early', { start, offset: source.size });
    if (trailer.readUInt32LE(0) !== crc || trailer.readUInt32LE(4) !== length % 2 ** 32) {
      throw damaged('its gzip checksum does not fit its content', { start, offset: cursor.offset });
    }
    const next = await cursor.take(2);
    if (next !== undefined) cursor.seek(cursor.offset - 2);
    if (next === undefined || !isGzip(next)) return garbageAt(cursor);
  }
}

async function skipHeader(cursor: SourceCursor): Promise<void> {
  const start = cursor.offset;
  const header = await cursor.take(10);
  if (header === undefined) throw damaged('its gzip header ends early', { start, offset: start + cursor.remaining });
  const flags = header[3] ?? 0;
  if (header[2] !== 8 || (flags & FLAG.reserved) !== 0) {
    throw damaged('its gzip header is damaged, or of a kind that no known program writes', { start, offset: start });
  }
  if ((flags & FLAG.extra) !== 0) {
    const length = await cursor.take(2);
    if (length === undefined || (await cursor.take(length.readUInt16LE(0))) === undefined) throw endsEarly(start);
  }
  if ((flags & FLAG.name) !== 0) await skipText(cursor, start);
  if ((flags & FLAG.comment) !== 0) await skipText(cursor, start);
  if ((flags & FLAG.headerCrc) !== 0 && (await cursor.take(2)) === undefined) throw endsEarly(start);
}

async function skipText(cursor: SourceCursor, start: number): Promise<void> {
  const from = cursor.offset;
  while (cursor.offset - from < MAX_TEXT) {
    const chunk = await cursor.next();
    if (chunk === undefined) break;
    const end = chunk.indexOf(0);
    if (end < 0) continue;
    cursor.seek(cursor.offset - chunk.length + end + 1);
    return;
  }
  throw endsEarly(start);
}

function endsEarly(start: number): Error {
  return damaged('its gzip header does not end', { start, offset: start });
}

/** The offset of the first nonzero byte after the last member. */
async function garbageAt(cursor: SourceCursor): Promise<number | undefined> {
  for (let chunk = await cursor.next(); chunk !== undefined; chunk = await cursor.next()) {
    const at = firstNonZero(chunk);
    if (at >= 0) return cursor.offset - chunk.length + at;
  }
  return undefined;
}

/** The bytes of an uncompressed file, in the same shape. */
export async function* plain(cursor: SourceCursor): Unpacked {
  for (let chunk = await cursor.next(); chunk !== undefined; chunk = await cursor.next()) yield chunk;
  return undefined;
}
