/**
 * Arguments that are no UTF-8. Linux passes bytes, and Node turns what is no text into U+FFFD, which is another name. Here
 * such a byte becomes half a surrogate pair (U+DC80 to U+DCFF), which no text has, as in Python (PEP 383); code
 * that needs the bytes turns it back.
 */
import fs from 'node:fs';
import { Failure } from '../base/failure.ts';
import { bytesOf, fromText, printable, toText } from '../base/files/paths.ts';
import { basename, dirname } from 'node:path';

const ESCAPES = 0xdc00;
const ESCAPED = /[\udc80-\udcff]/u;
const REPLACEMENT = '\ufffd';
/** The longest sequence of UTF-8. */
const LONGEST = 4;

/** @param argv the last arguments of this process, as Node gives them. */
export function exactArguments(argv: readonly string[], readCommandLine = commandLine): string[] {
  if (!argv.some((argument) => argument.includes(REPLACEMENT))) return [...argv];
  const own = readCommandLine().slice(-argv.length);
  return argv.map((argument, index) => {
    const bytes = own[index];
    return bytes === undefined || !argument.includes(REPLACEMENT) ? argument : escaped(bytes);
  });
}

/** The arguments of this process, or of the one that handed over to it, as byte strings; empty when they cannot be read. */
function commandLine(): string[] {
  const handedOver = process.env['ROOST_HANDED_OVER_BY'] === `${process.ppid}`;
  try {
    return fs
      .readFileSync(`/proc/${handedOver ? process.ppid : 'self'}/cmdline`, 'latin1')
      .split('\0')
      .slice(0, -1);
  } catch {
    return [];
  }
}

function escaped(bytes: string): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, LONGEST].find((size) => toText(bytes.slice(at, at + size)) !== undefined);
    if (length === undefined) text += String.fromCharCode(ESCAPES + bytes.charCodeAt(at));
    else text += toText(bytes.slice(at, at + length)) ?? '';
    at += length ?? 1;
  }
  return text;
}

/** The byte string of an argument. */
export function bytesOfArgument(argument: string): string {
  return argument
    .split(/([\udc80-\udcff])/u)
    .map((part) =>
      part.length === 1 && ESCAPED.test(part) ? String.fromCharCode(part.charCodeAt(0) - ESCAPES) : fromText(part),
    )
    .join('');
}

/**
 * A path that every call of Node can open: where the argument is no text, it leads through an open directory or file,
 * which stays open for the rest of the process.
 *
 * @param kind `new file`: its own name has to be text.
 * @throws the system error; Failure `invalid_request` for a new file whose name is no text.
 */
export function openablePath(argument: string, kind: 'directory' | 'file' | 'new file'): string {
  if (!ESCAPED.test(argument)) return argument;
  const { O_RDONLY, O_DIRECTORY } = fs.constants;
  const open = (path: string, flags: number): string =>
    `/proc/self/fd/${fs.openSync(bytesOf(bytesOfArgument(path)), flags)}`;
  const name = basename(argument);
  if (!ESCAPED.test(name)) return `${open(dirname(argument), O_RDONLY | O_DIRECTORY)}/${name}`;
  if (kind === 'new file') {
    throw new Failure('invalid_request', `Cannot write ${printable(bytesOfArgument(argument))}: its name is not UTF-8`);
  }
  return open(argument, kind === 'directory' ? O_RDONLY | O_DIRECTORY : O_RDONLY);
}

/** An argument for a message or a terminal. */
export function shownArgument(argument: string): string {
  return printable(bytesOfArgument(argument));
}
