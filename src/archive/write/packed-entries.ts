/**
 * Encodes a pack's entries for a task thread as one string and one array of numbers. Cloning 200,000 objects between
 * threads took as long as reading their files.
 */
import type { PackedEntry } from './cut.ts';
import { type Attribute, ENTRY_KINDS } from '../entry.ts';

export interface PackedEntries {
  /** Path and target of each entry, each ended by NUL, which neither can hold. */
  readonly names: string;
  readonly numbers: Float64Array;
  /** Of the few entries that have attributes: their place in the pack, and what they have. */
  readonly attributes?: ReadonlyMap<number, readonly Attribute[]>;
}

const FIELDS = 12;
const HEADER_ONLY = 1;
const INDEX_ONLY = 2;
const HELD = 3;

export function encodeEntries(entries: readonly PackedEntry[]): PackedEntries {
  let names = '';
  const numbers = new Float64Array(entries.length * FIELDS);
  let attributes: Map<number, readonly Attribute[]> | undefined;
  let at = 0;
  for (const entry of entries) {
    if (entry.attributes !== undefined) (attributes ??= new Map()).set(at / FIELDS, entry.attributes);
    names += `${entry.path}\0${entry.target ?? ''}\0`;
    numbers[at] = ENTRY_KINDS.indexOf(entry.kind);
    numbers[at + 1] = marksOf(entry);
    numbers[at + 2] = entry.size;
    numbers[at + 3] = entry.mode;
    numbers[at + 4] = entry.uid;
    numbers[at + 5] = entry.gid;
    numbers[at + 6] = entry.mtime;
    numbers[at + 7] = entry.dev;
    numbers[at + 8] = entry.ino;
    numbers[at + 9] = entry.mtimeMs;
    numbers[at + 10] = entry.ctimeMs;
    numbers[at + 11] = entry.fileSize ?? 0;
    at += FIELDS;
  }
  return attributes === undefined ? { names, numbers } : { names, numbers, attributes };
}

export function decodeEntries({ names, numbers, attributes }: PackedEntries): PackedEntry[] {
  const texts = names.split('\0');
  const entries: PackedEntry[] = [];
  for (let index = 0; index < numbers.length / FIELDS; index++) {
    const field = (offset: number): number => numbers[index * FIELDS + offset] ?? 0;
    const kind = ENTRY_KINDS[field(0)] ?? 'file';
    const entry: PackedEntry = {
      path: texts[2 * index] ?? '',
      kind,
      size: field(2),
      mode: field(3),
      uid: field(4),
      gid: field(5),
      mtime: field(6),
      dev: field(7),
      ino: field(8),
      mtimeMs: field(9),
      ctimeMs: field(10),
    };
    const plain = field(1) === 0 && (kind === 'file' || kind === 'directory');
    const whole = plain ? entry : withMore(entry, texts[2 * index + 1] ?? '', field(1), field(11));
    const own = attributes?.get(index);
    entries.push(own === undefined ? whole : { ...whole, attributes: own });
  }
  return entries;
}

/** One at most counts: an entry without content in the pack need not say how far its file is read. */
function marksOf({ headerOnly, indexOnly, held }: PackedEntry): number {
  if (headerOnly === true) return HEADER_ONLY;
  if (indexOnly === true) return INDEX_ONLY;
  return held === true ? HELD : 0;
}

/** What few entries have. */
function withMore(entry: PackedEntry, target: string, marks: number, fileSize: number): PackedEntry {
  return {
    ...entry,
    headerOnly: marks === HEADER_ONLY ? true : undefined,
    indexOnly: marks === INDEX_ONLY ? true : undefined,
    held: marks === HELD ? true : undefined,
    target: entry.kind === 'symlink' || entry.kind === 'hardlink' ? target : undefined,
    fileSize: entry.kind === 'hardlink' ? fileSize : undefined,
  };
}
