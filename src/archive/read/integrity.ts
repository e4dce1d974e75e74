/**
 * Proves that one of Roost's own archives is intact while its segments are read: every byte is hashed, segments and
 * entries have no gaps, header and trailer are right. The task threads check each segment's content.
 */
import { createHash } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import type { ByteSource } from '../../base/source.ts';
import { combineCrc32 } from '../gzip/crc32.ts';
import { GZIP_HEADER, TRAILER_LENGTH, gzipTrailer } from '../gzip/frame.ts';
import type { IndexReader } from '../index/reader.ts';
import type { FilledSegment } from '../index/segment-entries.ts';

export interface ProvenFacts {
  readonly sha256: string;
  readonly entries: number;
  readonly files: number;
  readonly rawSize: number;
  /** Bytes of the files' content. */
  readonly bytes: number;
}

export class Integrity {
  readonly #archive: ByteSource;
  readonly #reader: IndexReader;
  readonly #sha256 = createHash('sha256');
  #offset = 0;
  #crc = 0;
  #rawSize = 0;
  #entries = 0;
  #files = 0;
  #bytes = 0;

  private constructor(archive: ByteSource, reader: IndexReader) {
    this.#archive = archive;
    this.#reader = reader;
  }

  /** Checks the first bytes. @throws Failure `archive_damaged`. */
  static async begin(archive: ByteSource, reader: IndexReader): Promise<Integrity> {
    const proof = new Integrity(archive, reader);
    await proof.#frame(GZIP_HEADER, 'its first bytes are not those it was written with');
    return proof;
  }

  /** Records the next segment. @throws Failure `archive_damaged` when it does not follow the previous one. */
  addSegment({ segment, entries }: FilledSegment): void {
    if (segment.offset !== this.#offset) throw damaged('its segments do not follow each other');
    this.#offset += segment.length;
    this.#crc = combineCrc32(this.#crc, segment.crcRaw, segment.rawLength);
    this.#rawSize += segment.rawLength;
    this.#entries += entries.length;
    for (const { kind, size, headerLength } of entries) {
      this.#bytes += size;
      // A hard link without bytes in the tar also exists as a file.
      if (kind === 'file' || (kind === 'hardlink' && headerLength > 0)) this.#files++;
    }
  }

  /** Hashes the stored bytes of the segment added last. */
  readonly hash = (stored: Uint8Array): void => {
    this.#sha256.update(stored);
  };

  /** Checks the last bytes and the digest. @throws Failure `archive_damaged`. */
  async finish(): Promise<ProvenFacts> {
    const { summary } = this.#reader;
    if (this.#archive.size !== this.#offset + TRAILER_LENGTH) {
      throw damaged('it has another length than its index says');
    }
    await this.#frame(gzipTrailer(this.#crc, this.#rawSize), 'its last bytes are not those it was written with');
    const sha256 = this.#sha256.digest('hex');
    if (sha256 !== summary.sha256) throw damaged('its sha256 is not the one its index recorded');
    if (this.#entries !== summary.entries) throw damaged('its index lacks entries');
    return { sha256, entries: this.#entries, files: this.#files, rawSize: this.#rawSize, bytes: this.#bytes };
  }

  async #frame(expected: Buffer, what: string): Promise<void> {
    if (this.#archive.size < this.#offset + expected.length) throw damaged('it is shorter than its index says');
    const found = Buffer.from(await this.#archive.read(this.#offset, expected.length));
    if (!found.equals(expected)) throw damaged(what);
    this.#sha256.update(found);
    this.#offset += expected.length;
  }
}

/** @throws Failure `archive_damaged` unless size and sha256 are those recorded when the archive was made. */
export function requireRecorded(
  found: { readonly size: number; readonly sha256: string },
  expected: { readonly size: number; readonly sha256: string } | undefined,
): void {
  if (expected === undefined) return;
  if (found.size !== expected.size) {
    throw damaged(`it has ${found.size} bytes, and had ${expected.size} when it was made`, {
      expected: expected.size,
      found: found.size,
    });
  }
  if (found.sha256 === expected.sha256) return;
  throw damaged('its sha256 is not the one that was recorded when it was made', {
    expected: expected.sha256,
    found: found.sha256,
  });
}

function damaged(what: string, facts: Readonly<Record<string, unknown>> = {}): Failure {
  return new Failure('archive_damaged', `Cannot trust the archive: ${what}`, {
    facts,
    hint: 'Restore from another backup; this one no longer holds what was stored.',
  });
}
