/**
 * A reader of tar streams for tests: POSIX ustar and pax, nothing else, strict, and independent of Roost's own. Names
 * come out as byte strings.
 */

export interface TarEntry {
  readonly offset: number;
  /** Bytes before the content, pax records included. */
  readonly headerLength: number;
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink';
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly target: string;
  readonly content: Buffer;
}

const TYPES: Readonly<Record<string, TarEntry['type']>> = {
  0: 'file',
  1: 'hardlink',
  2: 'symlink',
  5: 'directory',
};

/** All entries of a tar stream, which must end in two zero blocks and nothing else. */
export function tarEntries(tar: Buffer): TarEntry[] {
  const entries: TarEntry[] = [];
  let offset = 0;
  while (!isZero(tar.subarray(offset, offset + 512))) {
    const entry = tarEntryAt(tar, offset);
    entries.push(entry);
    offset += entry.headerLength + Math.ceil(entry.size / 512) * 512;
    if (offset > tar.length - 1024) throw new Error(`the tar stream ends inside of ${JSON.stringify(entry.path)}`);
  }
  const rest = tar.subarray(offset);
  if (rest.length !== 1024 || !isZero(rest)) throw new Error(`the tar stream ends with ${rest.length} bytes`);
  return entries;
}

/** The entry whose first block lies at an offset. Its content may be missing. */
export function tarEntryAt(tar: Buffer, start: number): TarEntry {
  let at = start;
  let records = new Map<string, string>();
  let header = headerAt(tar, at);
  if (header.type === 'x') {
    records = paxRecords(tar.subarray(at + 512, at + 512 + header.size));
    at += 512 + Math.ceil(header.size / 512) * 512;
    header = headerAt(tar, at);
  }
  const type = TYPES[header.type];
  if (type === undefined) throw new Error(`there is an entry of type ${header.type} at ${at}`);
  const number = (key: string, plain: number): number => (records.has(key) ? Number(records.get(key)) : plain);
  const size = number('size', header.size);
  return {
    offset: start,
    headerLength: at + 512 - start,
    path: records.get('path') ?? header.path,
    type,
    size,
    mode: header.mode,
    uid: number('uid', header.uid),
    gid: number('gid', header.gid),
    mtime: number('mtime', header.mtime),
    target: records.get('linkpath') ?? header.target,
    content: tar.subarray(at + 512, at + 512 + size),
  };
}

function headerAt(tar: Buffer, at: number) {
  const block = tar.subarray(at, at + 512);
  if (block.length < 512) throw new Error(`the tar stream ends at ${at}`);
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  if (parseInt(text(block, 148, 8), 8) !== sum) throw new Error(`the checksum at ${at} is wrong`);
  if (text(block, 257, 8) !== 'ustar' || block.toString('latin1', 263, 265) !== '00') {
    throw new Error(`the block at ${at} is no ustar header`);
  }
  const [name, prefix] = [text(block, 0, 100), text(block, 345, 155)];
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    type: text(block, 156, 1),
    size: number(block, 124, 12),
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    mtime: number(block, 136, 12),
    target: text(block, 157, 100),
  };
}

function text(block: Buffer, at: number, length: number): string {
  const field = block.toString('latin1', at, at + length);
  const end = field.indexOf('\0');
  return end < 0 ? field : field.slice(0, end);
}

/** Octal, or base 256 in two's complement where the first bit is set (GNU and star; beyond what octal digits hold). */
function number(block: Buffer, at: number, length: number): number {
  const first = block[at] ?? 0;
  if ((first & 0x80) === 0) return parseInt(text(block, at, length).trim() || '0', 8);
  let value = first === 0xff ? -1n : BigInt(first & 0x7f);
  for (const byte of block.subarray(at + 1, at + length)) value = value * 256n + BigInt(byte);
  return Number(value);
}

/** `LENGTH KEY=VALUE\n`, each LENGTH counting all of its record; values may hold anything. */
function paxRecords(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(' ', at, 'latin1');
    const length = Number(bytes.toString('latin1', at, space));
    const record = bytes.toString('latin1', space + 1, at + length);
    const equals = record.indexOf('=');
    if (!(length > 0) || equals < 0 || !record.endsWith('\n')) throw new Error(`a pax record at ${at} is malformed`);
    records.set(record.slice(0, equals), record.slice(equals + 1, -1));
    at += length;
  }
  return records;
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
