/**
 * Ignore lists as text: bytes of a file to lines, and a line to the bytes that it matches.
 *
 * A list is JavaScript text, because it travels through JSON and is stored with its backup; what it matches are bytes.
 * A file that is not valid UTF-8 (an old Latin-1 editor) must still match the names it was written for, so each byte
 * that is no text becomes a lone surrogate U+DC80 to U+DCFF on the way in, and that byte again on the way out. It is
 * the `surrogateescape` of PEP 383; JSON keeps such a character as `\udc80`.
 */
import { fromText, toText } from '../../base/paths.ts';

const ESCAPE = 0xdc00;
const BYTE_ORDER_MARK = '\ufeff';

// Runs of well-formed UTF-8 (Unicode, table 3-7), or one byte that belongs to none.
const UTF8_RUN_OR_BYTE =
  // oxlint-disable-next-line no-control-regex -- bytes are matched, not text
  /(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+|[\x80-\xff]/g;

/** The text of an ignore file: UTF-8, with each byte that is none kept as a lone surrogate. */
export function decodeIgnoreText(bytes: Uint8Array): string {
  const path = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const text = toText(path);
  if (text !== undefined) return text;
  return path.replace(UTF8_RUN_OR_BYTE, (run) => toText(run) ?? String.fromCharCode(ESCAPE + run.charCodeAt(0)));
}

/**
 * The lines of an ignore list that came as one text (a file, or the `ignore` string of a panel): without a byte order
 * mark, the line ends (LF, or any CR before it) and the empty piece behind the last of them. Comments and blank lines stay, so that
 * a line's number is the one that an editor shows.
 */
export function splitIgnoreText(text: string): string[] {
  const body = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  const lines = body.split('\n').map(withoutReturns);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

// All of them, where git takes one: a list that is split, stored and split again must stay the same.
function withoutReturns(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === '\r') end--;
  return line.slice(0, end);
}

/** The byte string that a line stands for, or undefined when it holds half a surrogate pair that is no kept byte. */
export function bytesOfLine(line: string): string | undefined {
  if (line.isWellFormed()) return fromText(line);
  let bytes = '';
  let end = 0;
  for (const match of line.matchAll(/[\ud800-\udfff]/gu)) {
    const byte = match[0].charCodeAt(0) - ESCAPE;
    if (byte < 0x80 || byte > 0xff) return undefined;
    bytes += fromText(line.slice(end, match.index)) + String.fromCharCode(byte);
    end = match.index + 1;
  }
  return bytes + fromText(line.slice(end));
}
