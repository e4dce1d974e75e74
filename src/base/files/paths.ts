/**
 * Paths inside a server are *byte strings*: JavaScript strings with one byte per character (latin1). Linux names are
 * bytes, not text; this form keeps them exactly, sorts in byte order with `<`, and costs one byte per character. `/`
 * separates, never at the start or end; the root is ''.
 */

const LATIN1 = 'latin1';
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes of a byte string, for system calls and tar headers. */
export function bytesOf(path: string): Buffer {
  return Buffer.from(path, LATIN1);
}

/** The byte string of text from JSON, a command line or a pattern: its UTF-8 bytes. */
export function fromText(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString(LATIN1);
}

/** The text of a byte string, or undefined when its bytes are not valid UTF-8. */
export function toText(path: string): string | undefined {
  if (isAscii(path)) return path;
  try {
    return strictUtf8.decode(Buffer.from(path, LATIN1));
  } catch {
    return undefined;
  }
}

/** The path of the directory that holds an entry ('' for the root), and the entry's name in it. */
export function splitPath(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  return { parent: slash < 0 ? '' : path.slice(0, slash), name: path.slice(slash + 1) };
}

export function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}

/** A path for JSON bodies: its text when valid UTF-8, else its printable form. */
export function wirePath(path: string): string {
  return toText(path) ?? printable(path);
}

/**
 * Text for JSON and headers, without half a surrogate pair, which strict readers refuse. The halves that stand for bytes
 * of an ignore list that is no UTF-8 (U+DC80 to U+DCFF) become `\xNN`, others `\uNNNN`.
 */
export function wireText(text: string): string {
  return text.isWellFormed() ? text : text.replace(/[\ud800-\udfff]/gu, escapeHalf);
}

function escapeHalf(character: string): string {
  const code = character.charCodeAt(0);
  return code >= 0xdc80 && code <= 0xdcff ? `\\x${hex(code - 0xdc00, 2)}` : `\\u${hex(code, 4)}`;
}

// C0 and C1 controls, bidirectional overrides, zero-width characters, line separators and half surrogate pairs: they can forge a line
// in a log, move a terminal's cursor, or show a name as another.
// oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
const FORGING = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]/gu;

/**
 * A path for messages, logs and terminals: one line, without control or bidirectional characters, bytes that are not
 * UTF-8 as `\xNN`. Not reversible: a backslash stays as it is.
 */
export function printable(path: string): string {
  const text = toText(path);
  if (text !== undefined) return text.replace(FORGING, escapeCharacter);
  return path.replace(/[^\x20-\x7e]/g, (character) => `\\x${hex(character.charCodeAt(0), 2)}`);
}

/** External text (names, header values) made safe for one line of a log or terminal. */
export function printableText(text: string): string {
  return text.replace(FORGING, escapeCharacter);
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
}

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, '0');
}
