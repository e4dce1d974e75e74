/**
 * Content that shows what became of it. A file is a run of 64-byte records, each with the file's own number, its
 * version and the record's place; whatever is written by one call keeps that shape. A mixture of two moments, a hole or
 * foreign bytes do not have it.
 */
export const RECORD = 64;

/** Records of one version, from a place on. */
export function records(file: number, version: number, from: number, count: number): Buffer {
  const lines: string[] = [];
  for (let place = from; place < from + count; place++) {
    lines.push(`file ${file} version ${version} record ${place} `.padEnd(RECORD - 1, '.'), '\n');
  }
  return Buffer.from(lines.join(''), 'latin1');
}

/** True when content is what one file held at one moment. */
export function isOfOneMoment(content: Buffer): boolean {
  if (content.length === 0) return true;
  const first = /^file (\d+) version (\d+) record 0 /.exec(content.toString('latin1', 0, RECORD));
  if (first === null || content.length % RECORD !== 0) return false;
  return content.equals(records(Number(first[1]), Number(first[2]), 0, content.length / RECORD));
}
