/** Builds zip archives byte by byte, so that any of their rules can be broken. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipMember {
  readonly name: string | Buffer;
  readonly body?: Buffer | string;
  /** 0 stored, 8 deflated (then the body is deflated), anything else as it stands. */
  readonly method?: number;
  /** High byte of "version made by": 3 unix (the default), 0 DOS, 10 NTFS. */
  readonly madeBy?: number;
  /** Unix mode with its type bits. */
  readonly mode?: number;
  readonly flags?: number;
  readonly extra?: Buffer;
  readonly comment?: string;
  /** In place of what is true, in the directory only. */
  readonly says?: Partial<Record<'crc' | 'size' | 'compressedSize' | 'offset', number>>;
  /** In place of the directory's name. */
  readonly localName?: string;
  /** Adds zip64 fields for both sizes. */
  readonly zip64?: boolean;
}

export interface ZipEndFields {
  readonly comment?: string;
  readonly entries?: number;
  readonly total?: number;
  readonly size?: number;
  readonly offset?: number;
  /** Bytes between the directory and its end record. */
  readonly before?: Buffer;
}

const MASK = 0xffffffff;

/** A zip of members in order. */
export function zip(members: readonly ZipMember[], end: ZipEndFields = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const body = Buffer.from(member.body ?? '');
    const stored = (member.method ?? 0) === 8 ? deflateRawSync(body) : body;
    const facts = { crc: crc32(body), size: body.length, compressedSize: stored.length, offset, ...member.says };
    const local = localHeader(member, { ...facts, size: body.length, compressedSize: stored.length });
    parts.push(local, stored);
    directory.push(centralHeader(member, facts));
    offset += local.length + stored.length;
  }
  const list = Buffer.concat(directory);
  return Buffer.concat([
    ...parts,
    list,
    end.before ?? Buffer.alloc(0),
    endRecord(members.length, list.length, offset, end),
  ]);
}

interface Facts {
  readonly crc: number;
  readonly size: number;
  readonly compressedSize: number;
  readonly offset: number;
}

function localHeader(member: ZipMember, facts: Facts): Buffer {
  const name = Buffer.from(member.localName ?? member.name);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(member.flags ?? 0, 6);
  header.writeUInt16LE(member.method ?? 0, 8);
  header.writeUInt32LE(0x21, 10);
  header.writeUInt32LE(facts.crc, 14);
  header.writeUInt32LE(facts.compressedSize, 18);
  header.writeUInt32LE(facts.size, 22);
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, name]);
}

function centralHeader(member: ZipMember, facts: Facts): Buffer {
  const name = Buffer.from(member.name);
  const extra = Buffer.concat([
    member.extra ?? Buffer.alloc(0),
    member.zip64 === true ? zip64Extra(facts) : Buffer.alloc(0),
  ]);
  const comment = Buffer.from(member.comment ?? '');
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(((member.madeBy ?? 3) << 8) | 30, 4);
  header.writeUInt16LE(20, 6);
  header.writeUInt16LE(member.flags ?? 0, 8);
  header.writeUInt16LE(member.method ?? 0, 10);
  // 2020-02-03 04:05:06, as DOS has it.
  header.writeUInt16LE((4 << 11) | (5 << 5) | 3, 12);
  header.writeUInt16LE((40 << 9) | (2 << 5) | 3, 14);
  header.writeUInt32LE(facts.crc, 16);
  header.writeUInt32LE(member.zip64 === true ? MASK : facts.compressedSize, 20);
  header.writeUInt32LE(member.zip64 === true ? MASK : facts.size, 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt16LE(extra.length, 30);
  header.writeUInt16LE(comment.length, 32);
  header.writeUInt32LE(((member.mode ?? 0o100644) << 16) >>> 0, 38);
  header.writeUInt32LE(facts.offset, 42);
  return Buffer.concat([header, name, extra, comment]);
}

function zip64Extra(facts: Facts): Buffer {
  const values = Buffer.alloc(16);
  values.writeBigUInt64LE(BigInt(facts.size), 0);
  values.writeBigUInt64LE(BigInt(facts.compressedSize), 8);
  return extraField(1, values);
}

export function extraField(id: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(id, 0);
  head.writeUInt16LE(body.length, 2);
  return Buffer.concat([head, body]);
}

function endRecord(count: number, size: number, offset: number, fields: ZipEndFields): Buffer {
  const comment = Buffer.from(fields.comment ?? '', 'latin1');
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50, 0);
  record.writeUInt16LE(fields.entries ?? count, 8);
  record.writeUInt16LE(fields.total ?? fields.entries ?? count, 10);
  record.writeUInt32LE(fields.size ?? size, 12);
  record.writeUInt32LE(fields.offset ?? offset, 16);
  record.writeUInt16LE(comment.length, 20);
  return Buffer.concat([record, comment]);
}

/** The zip64 end record and its locator, to lie before an end record whose fields are all ones. */
export function zip64End(
  entries: bigint,
  size: bigint,
  directory: bigint,
  at: bigint,
  total: bigint = entries,
): Buffer {
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(entries, 24);
  record.writeBigUInt64LE(total, 32);
  record.writeBigUInt64LE(size, 40);
  record.writeBigUInt64LE(directory, 48);
  return Buffer.concat([record, zip64Locator(at)]);
}

export function zip64Locator(at: bigint): Buffer {
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(at, 8);
  locator.writeUInt32LE(1, 16);
  return locator;
}

/** The fields that send a reader to the zip64 records. */
export const SEE_ZIP64 = { entries: 0xffff, size: MASK, offset: MASK };
