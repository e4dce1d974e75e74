/**
 * Verifies one of Roost's own archives in one pass: hashes every byte, inflates every segment and checks both its
 * checksums, compares every tar header with the index, and checks header and trailer.
 */
import type { VerifyResult } from '../contract.ts';
import type { ReadDeps } from './deps.ts';
import type { IndexReader } from '../index/reader.ts';
import { InflatePipeline } from './inflate-pipeline.ts';
import { Integrity } from './integrity.ts';
import { filledSegments } from '../index/segment-entries.ts';

export async function verifyIndexed(
  { archive, control, threads, onProgress }: ReadDeps,
  reader: IndexReader,
  workers: number,
): Promise<VerifyResult> {
  let bytesDone = 0;
  let filesDone = 0;
  const pipeline = new InflatePipeline({
    archive,
    threads,
    workers,
    control,
    onResult: ({ segment, entries }) => {
      bytesDone += segment.length;
      filesDone += entries.filter(({ kind }) => kind === 'file' || kind === 'hardlink').length;
      onProgress({ bytesDone, bytesTotal: archive.size, filesDone, filesTotal: reader.summary.files });
    },
  });
  try {
    const proof = await Integrity.begin(archive, reader);
    for await (const filled of filledSegments(reader)) {
      proof.addSegment(filled);
      const { segment, entries } = filled;
      await pipeline.add({ segment, entries, parts: [] }, proof.hash);
    }
    await pipeline.finish();
    return { format: 'roost', size: archive.size, ...(await proof.finish()), warnings: [], warningCount: 0 };
  } finally {
    await pipeline.close();
  }
}
