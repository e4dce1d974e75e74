/**
 * Tar entry headers: POSIX ustar blocks, with pax records only where ustar is too small (long paths and link targets,
 * large numbers, ACLs and extended attributes).
 *
 * For: the writer. Promises: names are raw bytes in plain fields, which GNU tar, bsdtar, Go and Python all return
 * unchanged; the same entry gives the same bytes. Never: reads files. The `tar` package makes constant parts and pax
 * records; the constant part is cached per (kind, mode, owner), because encoding each header from scratch took longer
 * than reading 200,000 small files.
 */
import { Header } from 'tar/header';
import { Pax } from 'tar/pax';
import { bytesOf, isAscii, toText } from '../../base/files/paths.ts';
import type { Entry, EntryKind } from '../entry.ts';
import { attributeRecords } from './attributes.ts';

export const TAR_BLOCK = 512;

const NAME_LENGTH = 100;
const PREFIX_OFFSET = 345;
const PREFIX_LENGTH = 155;
const SIZE_OFFSET = 124;
const MTIME_OFFSET = 136;
const CHECKSUM_OFFSET = 148;
const LINK_OFFSET = 157;
/** The largest number that eleven octal digits hold: 8 GiB minus one. */
const MAX_OCTAL_11 = 0o77777777777;
const MAX_OCTAL_7 = 0o7777777;

const TYPE = { file: 'File', directory: 'Directory', symlink: 'SymbolicLink', hardlink: 'Link' } as const;

/** Zero bytes between content of `size` and the next header. */
export function paddingOf(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/** Bytes that an entry takes in the tar stream: header, content and padding. */
export function entryLength(entry: Entry): number {
  return headerLength(entry) + entry.size + paddingOf(entry.size);
}

/** Bytes of an entry's header, pax records included; always a multiple of 512. */
export function headerLength(entry: Entry): number {
  return isPlain(entry) ? TAR_BLOCK : encodeExtended(entry).length;
}

/** Encodes headers; holds the templates, so each thread keeps one of its own. */
export class HeaderEncoder {
  readonly #templates = new Map<string, Template>();

  /**
   * Writes an entry's header.
   *
   * @param block where it goes; must have `headerLength(entry)` bytes from `offset`.
   * @returns the bytes written.
   */
  encode(entry: Entry, block: Buffer, offset: number): number {
    if (isPlain(entry)) {
      this.#encodePlain(entry, block, offset);
      return TAR_BLOCK;
    }
    return encodeExtended(entry).copy(block, offset);
  }

  #encodePlain(entry: Entry, block: Buffer, offset: number): void {
    const template = this.#template(entry);
    template.bytes.copy(block, offset);
    const name = tarName(entry);
    const cut = name.length <= NAME_LENGTH ? -1 : prefixCut(name);
    let sum = template.sum;
    sum += writeBytes(block, offset, cut < 0 ? name : name.slice(cut + 1));
    if (cut > 0) sum += writeBytes(block, offset + PREFIX_OFFSET, name.slice(0, cut));
    if (entry.target !== undefined) sum += writeBytes(block, offset + LINK_OFFSET, entry.target);
    sum += writeOctal(block, offset + SIZE_OFFSET, entry.size, 11);
    sum += writeOctal(block, offset + MTIME_OFFSET, entry.mtime, 11);
    writeOctal(block, offset + CHECKSUM_OFFSET, sum, 6);
  }

  #template(entry: Entry): Template {
    const key = `${entry.kind} ${entry.mode} ${entry.uid} ${entry.gid}`;
    const known = this.#templates.get(key);
    if (known !== undefined) return known;
    // Modes and owners are the tree's choice, so bound the cache.
    if (this.#templates.size >= 4096) this.#templates.clear();
    const template = makeTemplate(entry);
    this.#templates.set(key, template);
    return template;
  }
}

interface Template {
  readonly bytes: Buffer;
  /** Sum of its bytes, with the checksum field counted as spaces and the fields that vary left out. */
  readonly sum: number;
}

function makeTemplate(entry: Entry): Template {
  const bytes = Buffer.alloc(TAR_BLOCK);
  const { mode, uid, gid } = entry;
  new Header({ path: '', mode, uid, gid, size: 0, mtime: new Date(0), type: TYPE[entry.kind], linkpath: '' }).encode(
    bytes,
  );
  bytes.fill(0, SIZE_OFFSET, CHECKSUM_OFFSET);
  bytes.fill(' ', CHECKSUM_OFFSET, CHECKSUM_OFFSET + 8);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  // The checksum ends in NUL and space; its six digits are written last.
  bytes[CHECKSUM_OFFSET + 6] = 0;
  return { bytes, sum };
}

/** The path as tar writes it: directories end in a slash. */
export function tarName(entry: { readonly path: string; readonly kind: EntryKind }): string {
  return entry.kind === 'directory' ? `${entry.path}/` : entry.path;
}

function isPlain(entry: Entry): boolean {
  return entry.attributes === undefined && nameFits(entry) && linkFits(entry) && numbersFit(entry);
}

function nameFits(entry: Entry): boolean {
  const length = entry.path.length + (entry.kind === 'directory' ? 1 : 0);
  return length <= NAME_LENGTH || (length <= NAME_LENGTH + PREFIX_LENGTH + 1 && prefixCut(tarName(entry)) > 0);
}

function linkFits(entry: Entry): boolean {
  return entry.target === undefined || entry.target.length <= NAME_LENGTH;
}

function numbersFit(entry: Entry): boolean {
  const { size, mtime, uid, gid } = entry;
  return size <= MAX_OCTAL_11 && mtime >= 0 && mtime <= MAX_OCTAL_11 && uid <= MAX_OCTAL_7 && gid <= MAX_OCTAL_7;
}

/** Where to cut a long name into prefix and name, at a slash that stays in neither; 0 or less when there is none. */
function prefixCut(name: string): number {
  const first = Math.max(name.length - NAME_LENGTH - 1, 1);
  // A directory's own closing slash is no place to cut: its name would be empty.
  const cut = name.indexOf('/', first);
  return cut <= PREFIX_LENGTH && cut < name.length - 1 ? cut : -1;
}

function writeBytes(block: Buffer, offset: number, text: string): number {
  let sum = 0;
  for (let index = 0; index < text.length; index++) {
    const byte = text.charCodeAt(index);
    block[offset + index] = byte;
    sum += byte;
  }
  return sum;
}

function writeOctal(block: Buffer, offset: number, value: number, digits: number): number {
  let sum = 0;
  let rest = value;
  for (let index = digits - 1; index >= 0; index--) {
    const byte = 0x30 + (rest % 8);
    block[offset + index] = byte;
    sum += byte;
    rest = Math.floor(rest / 8);
  }
  return sum;
}

/** Pax records and the ustar block that follows them, for an entry that a plain block cannot hold. */
function encodeExtended(entry: Entry): Buffer {
  const { size, mtime, uid, gid, target } = entry;
  const records = {
    ...(nameFits(entry) ? {} : { path: tarName(entry) }),
    ...(target === undefined || linkFits(entry) ? {} : { linkpath: target }),
    ...(size > MAX_OCTAL_11 ? { size } : {}),
    ...(mtime < 0 || mtime > MAX_OCTAL_11 ? { mtime: new Date(mtime * 1000) } : {}),
    ...(uid > MAX_OCTAL_7 ? { uid } : {}),
    ...(gid > MAX_OCTAL_7 ? { gid } : {}),
  };
  const block = Buffer.alloc(TAR_BLOCK);
  new Header({
    path: standIn(entry.path, NAME_LENGTH - 1),
    mode: entry.mode,
    uid,
    gid,
    size,
    mtime: new Date(mtime * 1000),
    type: TYPE[entry.kind],
    linkpath: standIn(target ?? '', NAME_LENGTH),
  }).encode(block);
  if (nameFits(entry)) replaceName(block, tarName(entry));
  if (target !== undefined && linkFits(entry)) replaceBytes(block, LINK_OFFSET, NAME_LENGTH, target);
  const attributes = entry.attributes === undefined ? [] : attributeRecords(entry.attributes);
  return Buffer.concat([encodeRecords(records, attributes), block]);
}

/** ASCII of at most `length` characters for a field that a pax record or raw bytes will replace. */
function standIn(path: string, length: number): string {
  return path.slice(0, length).replace(/[^\x20-\x7e]/g, '_');
}

function replaceName(block: Buffer, name: string): void {
  const cut = name.length <= NAME_LENGTH ? -1 : prefixCut(name);
  replaceBytes(block, 0, NAME_LENGTH, cut < 0 ? name : name.slice(cut + 1));
  replaceBytes(block, PREFIX_OFFSET, PREFIX_LENGTH, cut < 0 ? '' : name.slice(0, cut));
}

function replaceBytes(block: Buffer, offset: number, length: number, text: string): void {
  block.fill(0, offset, offset + length);
  writeBytes(block, offset, text);
  block.fill(' ', CHECKSUM_OFFSET, CHECKSUM_OFFSET + 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  writeOctal(block, CHECKSUM_OFFSET, sum, 6);
  block[CHECKSUM_OFFSET + 6] = 0;
}

interface Records {
  readonly path?: string;
  readonly linkpath?: string;
  readonly size?: number;
  readonly mtime?: Date;
  readonly uid?: number;
  readonly gid?: number;
}

function encodeRecords(records: Records, attributes: readonly (readonly [string, string])[]): Buffer {
  const path = records.path === undefined ? undefined : stableText(records.path);
  const linkpath = records.linkpath === undefined ? undefined : stableText(records.linkpath);
  if (path === null || linkpath === null)
    return encodeBytes([['hdrcharset', 'BINARY'], ...fieldsOf(records), ...attributes]);
  // `Pax` knows no attributes. The bytes of a stable text are the same under either charset.
  if (attributes.length > 0) return encodeBytes([...fieldsOf(records), ...attributes]);
  const { size, mtime, uid, gid } = records;
  return Buffer.from(new Pax({ path, linkpath, size, mtime, uid, gid }).encode());
}

/**
 * The text of a path that every reader gives back with the same bytes, else null: bsdtar refuses invalid UTF-8 in a
 * pax path, and turns decomposed letters into composed ones, which would be another name on Linux.
 */
function stableText(path: string): string | null {
  if (isAscii(path)) return path;
  const text = toText(path);
  return text !== undefined && text.normalize('NFC') === text ? text : null;
}

function fieldsOf(records: Records): [key: string, value: string][] {
  return Object.entries(records).map(([key, value]: [string, string | number | Date]) => [
    key,
    value instanceof Date ? String(value.getTime() / 1000) : String(value),
  ]);
}

/**
 * Records whose values are byte strings, which `Pax` cannot write. POSIX pax `hdrcharset=BINARY` says that the names of
 * this entry are bytes, not UTF-8; attributes' values are bytes in any charset.
 */
function encodeBytes(fields: readonly (readonly [key: string, value: string])[]): Buffer {
  const body = bytesOf(fields.map(([key, value]) => paxRecord(key, value)).join(''));
  const block = Buffer.alloc(TAR_BLOCK);
  new Header({ path: 'PaxHeader/binary', mode: 0o644, size: body.length, type: 'ExtendedHeader' }).encode(block);
  return Buffer.concat([block, body, Buffer.alloc(paddingOf(body.length))]);
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts its own digits too (POSIX pax, "Extended Header"). */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length;
  return `${length}${rest}`;
}
