/** Names in zips: bytes whose meaning depends on flags, extra fields and the system that wrote them. */
import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { fromText, toText } from '../../base/paths.ts';

const UTF8_FLAG = 0x800;
const UNICODE_PATH = 0x7075;
/** Systems with backslashes and code pages: DOS, OS/2, NTFS (two numbers are in use), VFAT. */
const DOS_LIKE: ReadonlySet<number> = new Set([0, 6, 10, 11, 14]);
/** Characters 128 to 255 of code page 437, the zip format's own (APPNOTE, appendix D). */
const CP437 =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00A0';

/**
 * The path of an entry as a byte string.
 *
 * Zips made on unix store raw bytes. For DOS and Windows: UTF-8 where the bytes are valid, otherwise code page 437; in
 * names without any slash, backslashes are separators (.NET before 4.6.1, against the format).
 */
export function zipName(
  raw: Buffer,
  extra: ReadonlyMap<number, Buffer>,
  entry: { readonly flags: number; readonly madeBy: number },
): string {
  const bytes = unicodePath(raw, extra.get(UNICODE_PATH)) ?? raw;
  const name = bytes.toString('latin1');
  if (!DOS_LIKE.has(entry.madeBy)) return name;
  const isText = bytes !== raw || (entry.flags & UTF8_FLAG) !== 0 || toText(name) !== undefined;
  const text = isText ? name : fromText(fromCodePage(raw));
  return text.includes('/') ? text : text.replaceAll('\\', '/');
}

/** Info-ZIP's UTF-8 name; it counts only if its checksum fits the entry's name. */
function unicodePath(raw: Buffer, field: Buffer | undefined): Buffer | undefined {
  if (field === undefined || field.length < 5 || field[0] !== 1) return undefined;
  return field.readUInt32LE(1) === crc32(raw) ? field.subarray(5) : undefined;
}

function fromCodePage(raw: Buffer): string {
  let text = '';
  for (const byte of raw) text += byte < 0x80 ? String.fromCharCode(byte) : (CP437[byte - 0x80] ?? '?');
  return text;
}

/** The extra fields of a header by id; the first of an id counts, and a truncated field ends them. */
export function extraFields(extra: Buffer): ReadonlyMap<number, Buffer> {
  const fields = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= extra.length;) {
    const id = extra.readUInt16LE(at);
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.length) break;
    if (!fields.has(id)) fields.set(id, extra.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
