/** Verifies an archive without an index: whatever its format protects, and its sha256 where that is known. */
import { createHash } from 'node:crypto';
import { systemClock } from '../../base/clock.ts';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { ByteSource } from '../../base/source.ts';
import type { StreamedArchive, VerifyResult } from '../contract.ts';
import type { Control } from '../threads/control.ts';
import type { ReadDeps } from './deps.ts';
import { openStreamedArchive } from '../foreign/open-streamed.ts';
import { nothingLeft, WarningLog } from '../unpack/warning-log.ts';

const CHUNK = MEBIBYTE;
/** 1980-01-02: before lie the zeros of tar and zip, which stand for no date, in every time zone. */
const NO_DATE = 315_619_200;

interface Seen {
  entries: number;
  files: number;
  rawSize: number;
  /** Seconds since the epoch. */
  newest?: number;
}

/** @param encoding of names, as in `OpenRequest`. */
export async function verifyStreamed(
  { archive, control, onProgress }: ReadDeps,
  encoding?: string,
): Promise<VerifyResult> {
  const seen: Seen = { entries: 0, files: 0, rawSize: 0 };
  const report = (bytesDone: number): void => {
    onProgress({ bytesDone, bytesTotal: 2 * archive.size, filesDone: seen.files, filesTotal: seen.files });
  };
  const counted = countReads(archive, control, report);
  const streamed = await openStreamedArchive(counted, undefined, encoding);
  const warnings = await readThrough(streamed, control, seen);
  const sha256 = await hashAll(archive, control, (done) => {
    report(archive.size + done);
  });
  const { kept, count: warningCount } = warnings;
  const facts = { size: archive.size, sha256, ...seen, bytes: seen.rawSize };
  return { format: streamed.format, ...facts, warnings: kept, warningCount };
}

async function readThrough(streamed: StreamedArchive, control: Control, seen: Seen): Promise<WarningLog> {
  const warnings = new WarningLog();
  const latest = Math.floor(systemClock.now() / 1000);
  let passedOver = 0;
  for await (const item of streamed.read()) {
    control.checkStop();
    if ('warning' in item) {
      if (item.warning.path !== '') passedOver++;
      warnings.add(item.warning);
      continue;
    }
    const { kind, mtime } = item.entry;
    seen.entries++;
    if (kind === 'file' || kind === 'hardlink') seen.files++;
    if (mtime > NO_DATE && mtime <= latest) seen.newest = Math.max(seen.newest ?? 0, mtime);
    for await (const chunk of item.content()) {
      control.checkStop();
      seen.rawSize += chunk.length;
    }
  }
  if (seen.entries === 0 && passedOver > 0) warnings.add(nothingLeft(passedOver));
  return warnings;
}

/** The archive's sha256 as lower-case hex. */
export async function hashAll(archive: ByteSource, control: Control, onBytes: (done: number) => void): Promise<string> {
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
