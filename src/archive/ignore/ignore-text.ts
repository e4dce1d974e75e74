/**
 * Ignore lists as text: the bytes of a file to lines, and a line to the bytes that it matches.
 *
 * Lists are JavaScript text, since they travel as JSON and are stored with their backup, but they match bytes. To keep
 * a list that is not valid UTF-8 (an old Latin-1 editor), each invalid byte becomes a lone surrogate U+DC80 to U+DCFF
 * and that byte again when matching, like `surrogateescape` of PEP 383; JSON writes it as `\udc80`.
 */
import { fromText, toText } from '../../base/files/paths.ts';

const ESCAPE = 0xdc00;
const BYTE_ORDER_MARK = '\ufeff';

// Runs of well-formed UTF-8 (Unicode, table 3-7), or one invalid byte.
const UTF8_RUN_OR_BYTE =
  // oxlint-disable-next-line no-control-regex -- bytes are matched, not text
  /(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+|[\x80-\xff]/g;

/** The text of an ignore file: UTF-8, with each invalid byte as a lone surrogate. */
export function decodeIgnoreText(bytes: Uint8Array): string {
  const path = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const text = toText(path);
  if (text !== undefined) return text;
  return path.replace(UTF8_RUN_OR_BYTE, (run) => toText(run) ?? String.fromCharCode(ESCAPE + run.charCodeAt(0)));
}

/**
 * Splits an ignore list that is one text (a file, or a panel's `ignore` string) into lines, without a byte order mark,
 * line ends (LF, with any CRs before it) and the empty piece after the last one. Comments and blank lines stay, so that
 * line numbers are those of an editor.
 */
export function splitIgnoreText(text: string): string[] {
  const body = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  const lines = body.split('\n').map(withoutReturns);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

// All CRs, where git removes one: splitting a stored list again must give the same lines.
function withoutReturns(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === '\r') end--;
  return line.slice(0, end);
}

/** The byte string that a line stands for; undefined for a lone surrogate that is no escaped byte. */
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
