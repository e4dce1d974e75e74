/** The central directory of a zip, as node-stream-zip reads it. */
import StreamZip from 'node-stream-zip';
import { throwIfAborted } from '../../base/failure.ts';
import { damaged, tooLarge } from './damaged.ts';
import type { ZipEnd } from './zip-end.ts';

/** The most entries held in memory, about 100 bytes each. */
const MAX_ENTRIES = 1_000_000;
const LOCAL_HEADER = 30;

/** What the directory says about one entry. */
export interface ZipRecord {
  /** Offset of its header in the directory, where the raw name and extra fields are. */
  readonly headerOffset: number;
  /** Offset of its local header, before the content. */
  readonly offset: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly crc: number;
  readonly method: number;
  readonly flags: number;
  /** High byte: the system that made it; 3 is unix. */
  readonly madeBy: number;
  readonly attributes: number;
  /** Seconds, from DOS time read as UTC. */
  readonly time: number;
}

/**
 * Reads the directory in its own order, with duplicates.
 *
 * @param path of the file; opened and closed again.
 * @throws Failure `archive_damaged`; `too_large` beyond a million entries; `cancelled`.
 */
export async function readZipDirectory(path: string, end: ZipEnd, signal?: AbortSignal): Promise<readonly ZipRecord[]> {
  if (end.entries > MAX_ENTRIES) throw tooLarge(`the zip has ${end.entries} entries`, { entries: end.entries });
  if (end.entries === 0) return [];
  const records: ZipRecord[] = [];
  // The library would refuse the whole zip for one hostile name; here only such an entry is skipped. Entries are
  // collected by event, because its own table loses duplicates and `__proto__`.
  const zip = new StreamZip({ file: path, storeEntries: false, skipEntryNameValidation: true, chunkSize: 128 * 1024 });
  try {
    await new Promise<void>((resolve, reject) => {
      zip.on('entry', (entry) => {
        throwIfAborted(signal, 'Cannot read the archive');
        records.push(recordOf(entry));
      });
      zip.on('ready', resolve);
      zip.on('error', reject);
    });
  } catch (error) {
    throw asDamage(error);
  } finally {
    await new Promise<void>((resolve) => {
      zip.close(() => resolve());
    });
  }
  checkOverlap(records, end.directory);
  return records;
}

function recordOf(entry: StreamZip.ZipEntry): ZipRecord {
  return {
    // Set by the library since 1.0, but missing in its types.
    headerOffset: (entry as StreamZip.ZipEntry & { readonly headerOffset: number }).headerOffset,
    offset: entry.offset,
    compressedSize: entry.compressedSize,
    size: entry.size,
    crc: entry.crc,
    method: entry.method,
    flags: entry.flags,
    madeBy: entry.verMade >>> 8,
    attributes: entry.attr,
    time: Number.isFinite(entry.time) ? Math.floor(entry.time / 1000) : 0,
  };
}

/**
 * Entries must not share bytes: otherwise ten megabytes of directory over one block inflate to hundreds of terabytes
 * (Fifield, "A better zip bomb", 2019). Without overlaps a zip inflates to at most a thousand times its size.
 */
function checkOverlap(records: readonly ZipRecord[], directory: number): void {
  const byOffset = [...records].sort((one, other) => one.offset - other.offset);
  byOffset.forEach((record, index) => {
    const end = record.offset + LOCAL_HEADER + record.compressedSize;
    if (end > (byOffset[index + 1]?.offset ?? directory)) {
      throw damaged('entries of the zip overlap', { offset: record.offset });
    }
  });
}

function asDamage(error: unknown): unknown {
  if (!(error instanceof Error) || error.name === 'Failure' || 'syscall' in error) return error;
  return damaged(`the directory of the zip is damaged (${error.message})`, {});
}
