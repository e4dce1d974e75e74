/** Verifies an archive without an index: whatever its format protects, and its sha256 where that is known. */
import { createHash } from 'node:crypto';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { ByteSource } from '../../base/source.ts';
import type { StreamedArchive, VerifyResult } from '../contract.ts';
import type { Control } from '../threads/control.ts';
import type { ReadDeps } from './deps.ts';
import { openStreamedArchive } from '../foreign/open-streamed.ts';
import { WarningLog } from '../unpack/warning-log.ts';

const CHUNK = MEBIBYTE;

export async function verifyStreamed({ archive, control, onProgress }: ReadDeps): Promise<VerifyResult> {
  const seen = { entries: 0, files: 0, rawSize: 0 };
  const report = (bytesDone: number): void => {
    onProgress({ bytesDone, bytesTotal: 2 * archive.size, filesDone: seen.files, filesTotal: seen.files });
  };
  const counted = countReads(archive, control, report);
  const streamed = await openStreamedArchive(counted);
  const warnings = await readThrough(streamed, control, seen);
  const sha256 = await hashAll(archive, control, (done) => {
    report(archive.size + done);
  });
  return { format: streamed.format, size: archive.size, sha256, ...seen, bytes: seen.rawSize, warnings: warnings.kept };
}

async function readThrough(
  streamed: StreamedArchive,
  control: Control,
  seen: { entries: number; files: number; rawSize: number },
): Promise<WarningLog> {
  const warnings = new WarningLog();
  for await (const item of streamed.read()) {
    control.checkStop();
    if ('warning' in item) {
      warnings.add(item.warning);
      continue;
    }
    seen.entries++;
    if (item.entry.kind === 'file' || item.entry.kind === 'hardlink') seen.files++;
    for await (const chunk of item.content()) {
      control.checkStop();
      seen.rawSize += chunk.length;
    }
  }
  return warnings;
}

async function hashAll(archive: ByteSource, control: Control, onBytes: (done: number) => void): Promise<string> {
  const sha256 = createHash('sha256');
  for (let offset = 0; offset < archive.size; offset += CHUNK) {
    control.checkStop();
    sha256.update(await archive.read(offset, Math.min(CHUNK, archive.size - offset)));
    onBytes(Math.min(offset + CHUNK, archive.size));
  }
  return sha256.digest('hex');
}

/** The source, reporting how far it was read. */
function countReads(archive: ByteSource, control: Control, onBytes: (done: number) => void): ByteSource {
  let furthest = 0;
  return {
    ...archive,
    read(offset, length, signal) {
      control.checkStop();
      furthest = Math.max(furthest, offset + length);
      onBytes(furthest);
      return archive.read(offset, length, signal);
    },
  };
}
