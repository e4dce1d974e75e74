/**
 * Pax extended headers (POSIX.1-2001): records `<length> <key>=<value>\n`, parsed by bytes. Strict, because a record
 * whose end does not match its length makes different tars read different archives.
 */
import type { Buffer } from 'node:buffer';
import { damaged } from './damaged.ts';
import { isAttributeRecord } from './pax-attributes.ts';

/** The records that affect an entry. Values are byte strings; an empty one cancels a value. */
export interface PaxRecords {
  readonly fields: ReadonlyMap<string, string>;
  /** `GNU.sparse.offset` and `GNU.sparse.numbytes` in order: version 0.0 repeats them. */
  readonly sparsePieces: readonly string[];
}

export const NO_RECORDS: PaxRecords = { fields: new Map(), sparsePieces: [] };

const KEPT = new Set([
  'path',
  'linkpath',
  'size',
  'mtime',
  'uid',
  'gid',
  'SCHILY.realsize',
  'SUN.holesdata',
  'GNU.volume.offset',
]);
const LONGEST_LENGTH = 10;

/**
 * @param body of the `x` or `g` entry.
 * @param position of that entry in the tar stream, for the message.
 * @throws Failure `archive_damaged` for malformed records.
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
    else if (KEPT.has(key) || key.startsWith('GNU.sparse.') || isAttributeRecord(key)) fields.set(key, value);
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

/** An entry's own records override global ones; an empty value cancels a global one. */
export function mergePax(global: PaxRecords, own: PaxRecords): PaxRecords {
  if (global.fields.size === 0) return own;
  const shared = [...global.fields].filter(([key]) => !isAttributeRecord(key));
  return { fields: new Map([...shared, ...own.fields]), sparsePieces: own.sparsePieces };
}

/** What a global header may not set: applied to every entry, it would make other tars read a different archive. */
export function unfairGlobal(records: PaxRecords): string | undefined {
  if (records.sparsePieces.length > 0) return 'GNU.sparse';
  return [...records.fields.keys()].find(
    (key) => key !== 'mtime' && key !== 'uid' && key !== 'gid' && !isAttributeRecord(key),
  );
}

/** A size or offset in decimal digits, with any zeros in front; undefined for anything else, or beyond 2^53. */
export function paxNumber(text: string): number | undefined {
  if (!/^\d{1,100}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Whole seconds, rounded down: `1700000000.75`, `-1.5`. undefined when it is no time. */
export function paxSeconds(text: string): number | undefined {
  const parts = /^(-?)(\d{1,15})(?:\.(\d{0,100}))?$/.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole, fraction = ''] = parts;
  // By digits: as a double, 315360000.999999999 is 315360001 already.
  if (sign === '') return Number(whole);
  return -Number(whole) - (/[1-9]/.test(fraction) ? 1 : 0) + 0;
}
