/**
 * One header block of any tar dialect: v7, ustar (POSIX), GNU, star. The `tar` package's `Header` decodes numbers and
 * checksum; names are taken as raw bytes, which `Header` would force into UTF-8.
 */
import { Buffer } from 'node:buffer';
import { Header } from 'tar/header';
import { TAR_BLOCK } from '../tar/header.ts';
import { isZero } from '../tar/zeros.ts';
import { damaged } from './damaged.ts';

const NAME = { at: 0, length: 100 };
const LINK = { at: 157, length: 100 };
const PREFIX = { at: 345, length: 155 };
/** star keeps access times after a shorter prefix, and marks it by "tar\0" at the block's end. */
const STAR_PREFIX_LENGTH = 131;
const CHECKSUM = { at: 148, length: 8 };
const TYPE_AT = 156;
const SIZE = { at: 124, length: 12 };
/** Where mode, owner, group, size and time begin. */
const NUMBERS = [100, 108, 116, SIZE.at, 136];

/** A decoded header block; only its checksum and size were checked. */
export interface TarBlock {
  /** The type flag as a character; '0' for the NUL of old tars. */
  readonly type: string;
  /** Byte strings as stored; the prefix is joined. */
  readonly name: string;
  readonly link: string;
  /** Bytes that follow, if entries of this type have content. */
  readonly size: number;
  /** undefined when the field is empty or no number. */
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Seconds; may be negative. */
  readonly mtime: number | undefined;
  /** Old GNU layout: times and the sparse map lie where ustar has the prefix. */
  readonly gnu: boolean;
  readonly bytes: Buffer;
}

/**
 * @param position of the block in the tar stream, for the message.
 * @returns undefined for a block of zeros, which ends an archive.
 * @throws Failure `archive_damaged` for a wrong checksum or invalid numbers.
 */
export function readTarBlock(bytes: Buffer, position: number): TarBlock | undefined {
  if (isZero(bytes)) return undefined;
  const read = decode(bytes, position);
  if (!read.cksumValid && !isChecksumFair(bytes)) {
    throw damaged(`the header at byte ${position} of its tar stream is damaged (checksum)`, { tarOffset: position });
  }
  const full = withoutLeadingNuls(bytes);
  const header = full === bytes ? read : decode(full, position);
  const size = sizeOf(header, full, position);
  const gnu = bytes.toString('latin1', 257, 265) === 'ustar  \0';
  const flag = bytes[TYPE_AT] ?? 0;
  return {
    type: flag === 0 ? '0' : String.fromCharCode(flag),
    name: nameOf(bytes),
    link: text(bytes, LINK.at, LINK.length),
    size,
    mode: header.mode,
    uid: header.uid,
    gid: header.gid,
    mtime: secondsOf(header.mtime),
    gnu,
    bytes,
  };
}

/** True when the block is a tar header by its checksum, which identifies a plain tar. */
export function looksLikeTar(bytes: Buffer): boolean {
  try {
    return bytes.length >= TAR_BLOCK && readTarBlock(bytes, 0) !== undefined;
  } catch {
    return false;
  }
}

/** A number in octal or base 256 anywhere in a block (sparse maps); undefined when it is none. */
export function readTarNumber(bytes: Buffer, at: number, length: number): number | undefined {
  // `Header` decodes only its own fields, so put the number into one of them.
  const block = Buffer.alloc(TAR_BLOCK);
  bytes.copy(block, 124, at, at + length);
  try {
    return new Header(block).size;
  } catch {
    return undefined;
  }
}

function decode(bytes: Buffer, position: number): Header {
  try {
    return new Header(bytes);
  } catch (error) {
    // `Header` throws for base-256 numbers beyond 2^53 and for invalid lead bytes.
    throw damaged(`the header at byte ${position} of its tar stream has a number that is none`, {
      tarOffset: position,
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}

/**
 * Some old tars begin a number with a NUL where the field before it overflows; GNU tar and Go read what follows. `Header`
 * ends a number at its first NUL.
 */
function withoutLeadingNuls(bytes: Buffer): Buffer {
  if (NUMBERS.every((at) => bytes[at] !== 0)) return bytes;
  const copy = Buffer.from(bytes);
  for (const at of NUMBERS) if (copy[at] === 0) copy[at] = 0x20;
  return copy;
}

function sizeOf(header: Header, bytes: Buffer, position: number): number {
  // `Header` reads digits up to the first other character: "19" in octal would become 1, and shift all that follows.
  const digits = /^[ \0]*([0-9]+)/.exec(bytes.toString('latin1', SIZE.at, SIZE.at + SIZE.length))?.[1] ?? '';
  if (/[89]/.test(digits))
    throw damaged(`the header at byte ${position} of its tar stream has no valid size`, { tarOffset: position });
  // `Header` reports 0 for an old tar's `name/`, but the real size decides where the next header is.
  const turned = header.typeKey === '5' && bytes[TYPE_AT] !== 0x35;
  const size = turned ? readTarNumber(bytes, 124, 12) : header.size;
  if (size !== undefined) return size;
  // `Header` also gives undefined for negative sizes, which would move the reader backwards.
  if (isBlank(bytes.subarray(124, 136))) return 0;
  throw damaged(`the header at byte ${position} of its tar stream has no valid size`, { tarOffset: position });
}

function isBlank(field: Buffer): boolean {
  return field.every((byte) => byte === 0 || byte === 0x20);
}

function nameOf(bytes: Buffer): string {
  const name = text(bytes, NAME.at, NAME.length);
  // Only POSIX has a prefix: GNU's magic has two spaces where POSIX has NUL and a version.
  if (bytes.toString('latin1', 257, 263) !== 'ustar\0') return name;
  const isStar = bytes.toString('latin1', 508, 512) === 'tar\0';
  const prefix = text(bytes, PREFIX.at, isStar ? STAR_PREFIX_LENGTH : PREFIX.length);
  return prefix === '' ? name : `${prefix}/${name}`;
}

function text(bytes: Buffer, at: number, length: number): string {
  const end = bytes.indexOf(0, at);
  return bytes.toString('latin1', at, end < 0 ? at + length : Math.min(end, at + length));
}

function secondsOf(date: Date | undefined): number | undefined {
  const milliseconds = date?.getTime();
  return milliseconds === undefined || !Number.isFinite(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}

/**
 * `Header` reads twelve bytes although the checksum has eight, and knows only sums of unsigned bytes. Some old tars end
 * the field without a NUL or summed signed bytes.
 */
function isChecksumFair(bytes: Buffer): boolean {
  const digits = /^[ \0]*([0-7]{1,8})[ \0]*$/.exec(
    bytes.toString('latin1', CHECKSUM.at, CHECKSUM.at + CHECKSUM.length),
  );
  if (digits === null) return false;
  let unsigned = CHECKSUM.length * 0x20;
  let signed = unsigned;
  for (let at = 0; at < TAR_BLOCK; at++) {
    if (at >= CHECKSUM.at && at < CHECKSUM.at + CHECKSUM.length) continue;
    const byte = bytes[at] ?? 0;
    unsigned += byte;
    signed += byte < 0x80 ? byte : byte - 0x100;
  }
  const stored = Number.parseInt(digits[1] ?? '', 8);
  return stored === unsigned || stored === signed;
}
