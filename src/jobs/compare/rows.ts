/**
 * What a comparison found, as it goes from its thread and is kept: totals of everything, and the first rows of each class
 * as text in one buffer, so that a page costs what the page holds.
 */
import { createHash, type Hash } from 'node:crypto';

/** The classes of a preview and of a comparison; a comparison has no `kept`. */
export const CLASSES = ['added', 'changed', 'deleted', 'same', 'kept'] as const;
export type ChangeClass = (typeof CLASSES)[number];

export interface ClassTotal {
  /** Files and links. */
  readonly files: number;
  readonly directories: number;
  /** Of content: as it will be, and of what is deleted, as it is. */
  readonly bytes: number;
}

export type Totals = { readonly [Class in ChangeClass]: ClassTotal };

/** Totals of what lies at or below one name in the root. */
export interface FolderTotals {
  /** A byte string. */
  readonly name: string;
  readonly totals: Totals;
}

export interface Found {
  readonly totals: Totals;
  /** Folders with changes, those with the most bytes first. */
  readonly folders: readonly FolderTotals[];
  /** Rows of each class but `same`, in the order of the walk. */
  readonly rows: { readonly [Class in ChangeClass]?: Uint8Array };
  /** Equal for equal paths in the same classes. */
  readonly digest: string;
}

export interface Row {
  /** A byte string. */
  readonly path: string;
  readonly directory: boolean;
  /** Bytes there will be; of what is deleted, bytes there are. */
  readonly size: number;
  /** Of what is changed: bytes there are. */
  readonly before: number | undefined;
}

/** Rows of a class that are listed. */
const MOST_ROWS = 100_000;
/** Bytes of a class's rows. */
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_FOLDERS = 1000;

interface MutableTotal {
  files: number;
  directories: number;
  bytes: number;
}

type MutableTotals = { [Class in ChangeClass]: MutableTotal };

function noTotals(): MutableTotals {
  const none = (): MutableTotal => ({ files: 0, directories: 0, bytes: 0 });
  return { added: none(), changed: none(), deleted: none(), same: none(), kept: none() };
}

class RowBuffer {
  readonly #parts: string[] = [];
  #bytes = 0;

  add({ path, directory, size, before }: Row): void {
    if (this.#parts.length >= MOST_ROWS || this.#bytes > MOST_BYTES) return;
    const text = `${directory ? 'd' : 'f'}${size},${before ?? ''},${path}\0`;
    this.#parts.push(text);
    this.#bytes += text.length;
  }

  bytes(): Uint8Array {
    return Buffer.from(this.#parts.join(''), 'latin1');
  }
}

/** Collects what a comparison finds. Nothing but totals of folders and the listed rows is held. */
export class Collector {
  readonly #totals = noTotals();
  readonly #folders = new Map<string, MutableTotals>();
  readonly #rows = new Map<ChangeClass, RowBuffer>();
  readonly #digest: Hash = createHash('sha256');

  add(kind: ChangeClass, row: Row): void {
    const { path, directory, size } = row;
    const [name = ''] = path.split('/', 1);
    for (const totals of [this.#totals, this.#folder(name)]) {
      const total = totals[kind];
      if (directory) total.directories++;
      else total.files++;
      total.bytes += size;
    }
    if (kind === 'same') return;
    this.#digest.update(`${kind}\0${path}\0`, 'latin1');
    const rows = this.#rows.get(kind) ?? new RowBuffer();
    this.#rows.set(kind, rows);
    rows.add(row);
  }

  found(): Found {
    const folders = Array.from(this.#folders, ([name, totals]) => ({ name, totals }));
    const weight = ({ totals }: FolderTotals): number =>
      totals.added.bytes + totals.changed.bytes + totals.deleted.bytes;
    folders.sort((one, other) => weight(other) - weight(one) || (one.name < other.name ? -1 : 1));
    return {
      totals: this.#totals,
      folders: folders.slice(0, MOST_FOLDERS),
      rows: Object.fromEntries(Array.from(this.#rows, ([kind, rows]) => [kind, rows.bytes()])),
      digest: this.#digest.digest('hex'),
    };
  }

  /** Totals of very many names in the root are counted together, under ''. */
  #folder(name: string): MutableTotals {
    const known = this.#folders.get(name);
    if (known !== undefined) return known;
    const key = this.#folders.size >= 10 * MOST_FOLDERS ? '' : name;
    const totals = this.#folders.get(key) ?? noTotals();
    this.#folders.set(key, totals);
    return totals;
  }
}

/**
 * Some rows out of a buffer.
 *
 * @param at where the page begins: 0, or `next` of the page before.
 * @returns undefined for an `at` at which no row begins.
 */
export function pageOf(
  rows: Uint8Array,
  at: number,
  limit: number,
): { readonly rows: readonly Row[]; readonly next: number | undefined } | undefined {
  if (at > 0 && (at >= rows.byteLength || rows[at - 1] !== 0)) return undefined;
  const text = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
  const page: Row[] = [];
  let from = at;
  while (page.length < limit && from < text.byteLength) {
    const end = text.indexOf(0, from);
    const [, kind, size, before, path] = /^([df])(\d+),(\d*),([^]*)$/.exec(text.toString('latin1', from, end)) ?? [];
    if (path === undefined) return undefined;
    const was = before === '' ? undefined : Number(before);
    page.push({ path, directory: kind === 'd', size: Number(size), before: was });
    from = end + 1;
  }
  return { rows: page, next: from < text.byteLength ? from : undefined };
}
