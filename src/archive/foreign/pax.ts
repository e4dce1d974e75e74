/**
 * Pax extended headers (POSIX.1-2001, pax interchange format): records `<length> <key>=<value>\n`, read byte by byte.
 * Strict: a record that does not end where its length says is how one tar is made to read what another does not.
 */
import type { Buffer } from 'node:buffer';
import { damaged } from './damaged.ts';

/** The records that change what an entry is. Values are byte strings; an empty one takes a value back. */
export interface PaxRecords {
  readonly fields: ReadonlyMap<string, string>;
  /** `GNU.sparse.offset` and `GNU.sparse.numbytes` in the order in which they came: version 0.0 repeats them. */
  readonly sparsePieces: readonly string[];
}

export const NO_RECORDS: PaxRecords = { fields: new Map(), sparsePieces: [] };

const KEPT = new Set(['path', 'linkpath', 'size', 'mtime', 'uid', 'gid', 'SCHILY.realsize', 'GNU.volume.offset']);
const LONGEST_LENGTH = 10;

/**
 * @param body of the `x` or `g` entry.
 * @param position of that entry in the tar stream, for the message.
 * @throws Failure `archive_damaged` for records that are not well-formed.
 */
export function readPax(body: Buffer, position: number): PaxRecords {
  const fields = new Map<string, string>();
  const sparsePieces: string[] = [];
  for (let at = 0; at < body.length;) {
    const end = recordEnd(body, at, position);
    const space = body.indexOf(0x20, at);
    const equals = body.indexOf(0x3d, space);
    if (equals < 0 || equals >= end || equals === space + 1) throw bent(position);
    const key = body.toString('latin1', space + 1, equals);
    const value = body.toString('latin1', equals + 1, end - 1);
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') sparsePieces.push(value);
    else if (KEPT.has(key) || key.startsWith('GNU.sparse.')) fields.set(key, value);
    at = end;
  }
  return { fields, sparsePieces };
}

function recordEnd(body: Buffer, at: number, position: number): number {
  let length = 0;
  let digits = 0;
  for (; digits < LONGEST_LENGTH; digits++) {
    const byte = body[at + digits] ?? 0;
    if (byte < 0x30 || byte > 0x39) break;
    length = length * 10 + byte - 0x30;
  }
  const end = at + length;
  const isFair = digits > 0 && body[at + digits] === 0x20 && length > digits + 2;
  if (!isFair || end > body.length || body[end - 1] !== 0x0a) throw bent(position);
  return end;
}

function bent(position: number): Error {
  return damaged(`the extended header at byte ${position} of its tar stream is malformed`, { tarOffset: position });
}

/** Records of one entry over those for all: the entry's own count, and an empty value takes a global one back. */
export function mergePax(global: PaxRecords, own: PaxRecords): PaxRecords {
  if (global.fields.size === 0) return own;
  return { fields: new Map([...global.fields, ...own.fields]), sparsePieces: own.sparsePieces };
}

/** What a global header may not set: given to every entry, it makes other tars read another archive than this one. */
export function unfairGlobal(records: PaxRecords): string | undefined {
  if (records.sparsePieces.length > 0) return 'GNU.sparse';
  return [...records.fields.keys()].find((key) => key !== 'mtime' && key !== 'uid' && key !== 'gid');
}

/** A size or offset: decimal digits only. undefined when it is anything else, or beyond 2^53. */
export function paxNumber(text: string): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Whole seconds, rounded down: `1700000000.75`, `-1.5`. undefined when it is no time. */
export function paxSeconds(text: string): number | undefined {
  return /^-?\d{1,15}(?:\.\d{1,100})?$/.test(text) ? Math.floor(Number(text)) : undefined;
}
