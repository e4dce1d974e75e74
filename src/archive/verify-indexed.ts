/**
 * Verifying one of our own archives: every byte is hashed, every segment inflated and compared with both its
 * checksums, every tar header compared with what the index says, and the frame with what it must be. One pass.
 */
import { createHash } from 'node:crypto';
import { Failure } from '../base/failure.ts';
import type { ByteSource } from '../base/source.ts';
import { combineCrc32 } from './crc32.ts';
import type { VerifyResult } from './contract.ts';
import type { Control } from './control.ts';
import type { ArchiveProgress } from './entry.ts';
import { GZIP_HEADER, TRAILER_LENGTH, gzipTrailer } from './frame.ts';
import type { IndexReader } from './index-reader.ts';
import { InflateLine } from './inflate-line.ts';
import { filledSegments } from './segmented.ts';

export async function verifyIndexed(
  archive: ByteSource,
  reader: IndexReader,
  workers: number,
  control: Control,
  onProgress: (progress: ArchiveProgress) => void,
): Promise<VerifyResult> {
  const { summary } = reader;
  const sha256 = createHash('sha256');
  const seen = { bytes: 0, entries: 0, files: 0, rawSize: 0, crc: 0 };
  const line = new InflateLine({
    archive,
    workers,
    control,
    onResult: ({ segment }) => {
      seen.bytes += segment.length;
      report();
    },
  });
  const report = (): void => {
    const { bytes: bytesDone, files: filesDone } = seen;
    onProgress({ bytesDone, bytesTotal: archive.size, filesDone, filesTotal: Math.max(summary.files, filesDone) });
  };
  try {
    await checkFrame(archive, 0, GZIP_HEADER, 'its first bytes are not those it was written with');
    sha256.update(GZIP_HEADER);
    let offset = GZIP_HEADER.length;
    for await (const { segment, entries } of filledSegments(reader)) {
      if (segment.offset !== offset) throw damaged('its segments do not follow each other');
      offset += segment.length;
      await line.add({ kind: 'check', segment, entries }, (stored) => sha256.update(stored));
      seen.crc = combineCrc32(seen.crc, segment.crcRaw, segment.rawLength);
      seen.rawSize += segment.rawLength;
      seen.entries += entries.length;
      for (const { kind } of entries) if (kind === 'file' || kind === 'hardlink') seen.files++;
    }
    await line.finish();
    if (archive.size !== offset + TRAILER_LENGTH) throw damaged('it has another length than its index says');
    const trailer = gzipTrailer(seen.crc, seen.rawSize);
    await checkFrame(archive, offset, trailer, 'its last bytes are not those it was written with');
    sha256.update(trailer);
  } finally {
    await line.close();
  }
  const digest = sha256.digest('hex');
  if (digest !== summary.sha256) throw damaged('its sha256 is not the one its index recorded');
  if (seen.entries !== summary.entries) throw damaged('its index lacks entries');
  const { entries, files, rawSize } = seen;
  return { format: 'roost', size: archive.size, sha256: digest, entries, files, rawSize, warnings: [] };
}

async function checkFrame(archive: ByteSource, offset: number, expected: Buffer, what: string): Promise<void> {
  if (archive.size < offset + expected.length) throw damaged('it is shorter than its index says');
  const found = Buffer.from(await archive.read(offset, expected.length));
  if (!found.equals(expected)) throw damaged(what);
}

export function damaged(what: string, facts: Readonly<Record<string, unknown>> = {}): Failure {
  return new Failure('archive_damaged', `Cannot trust the archive: ${what}`, {
    facts,
    hint: 'Restore from another backup; this one no longer holds what was stored.',
  });
}
