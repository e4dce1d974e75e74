/**
 * A second reading of a zip's directory, by node-stream-zip. Two readers that see different entries in one file are a known
 * way to smuggle content past a check, so a plain zip on which they differ is refused.
 *
 * Only zips that the library can read rightly are given to it: it believes the count at the end, which wraps round at
 * 65,536, and no bytes before or after the zip.
 */
import StreamZip from 'node-stream-zip';
import { throwIfAborted } from '../../base/failure.ts';
import { damaged } from './damaged.ts';
import type { ZipRecord } from './zip-directory.ts';
import type { ZipEnd } from './zip-end.ts';

/**
 * @param path of the zip; opened and closed again.
 * @throws Failure `archive_damaged` where the library lists other entries than `records`; `cancelled`. What the library
 *   cannot read at all is not refused: the own reader checks more than it does.
 */
export async function requireSameEntries(
  path: string,
  records: readonly ZipRecord[],
  { entries, prefix, trailing }: ZipEnd,
  signal?: AbortSignal,
): Promise<void> {
  if (entries === 0 || entries !== records.length || prefix > 0 || trailing > 0) return;
  // Entries are compared as they come: the library's own table loses duplicates, and `__proto__` with them.
  const zip = new StreamZip({ file: path, storeEntries: false, skipEntryNameValidation: true, chunkSize: 128 * 1024 });
  let next = 0;
  let differs = false;
  const isRead = await new Promise<boolean>((resolve) => {
    zip.on('entry', (entry) => {
      differs ||= !isSame(entry, records[next++]);
    });
    zip.on('ready', () => resolve(true));
    zip.on('error', () => resolve(false));
  });
  await new Promise<void>((resolve) => {
    zip.close(() => resolve());
  });
  throwIfAborted(signal, 'Cannot read the archive');
  if (isRead && (differs || next !== records.length)) {
    throw damaged('its directory can be read in two ways', { entries: records.length });
  }
}

function isSame(entry: StreamZip.ZipEntry, record: ZipRecord | undefined): boolean {
  return (
    record !== undefined &&
    entry.offset === record.offset &&
    entry.size === record.size &&
    entry.compressedSize === record.compressedSize &&
    entry.crc === record.crc &&
    entry.method === record.method
  );
}
