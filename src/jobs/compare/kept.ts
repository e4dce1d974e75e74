/** Comparisons that are kept for their pages, and for the restore that follows a preview: a while, and so many bytes. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { wirePath } from '../../base/files/paths.ts';
import type { ServerId } from '../../base/ids.ts';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { Change, ChangeClass, ChangePage, ComparisonView } from '../compare-contract.ts';
import type { RestoreBackup } from '../contract.ts';
import { type ChangeClass as RowClass, CLASSES, type Found, pageOf } from './rows.ts';

const KEPT_MS = 30 * 60_000;
const MOST_BYTES = 64 * MEBIBYTE;
const MOST_KEPT = 200;
/** One server's share, so that its callers do not take those of others away. */
const MOST_OF_SERVER = MOST_KEPT / 8;
const MOST_BYTES_OF_SERVER = MOST_BYTES / 2;
/** Memory for a folder's name and numbers. */
const FOLDER_BYTES = 640;
/** Rows that the first answer carries. */
export const FIRST_ROWS = 100;

export interface KeptComparison {
  readonly id: string;
  readonly server: ServerId;
  readonly found: Found;
  readonly missing: readonly string[];
  /** What was previewed; undefined for a comparison that is no preview. */
  readonly request: RestoreBackup | undefined;
}

export class KeptComparisons {
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** Oldest first. */
  readonly #kept = new Map<string, KeptComparison & { readonly at: number; readonly bytes: number }>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  add(made: Omit<KeptComparison, 'id'>): KeptComparison {
    const kept = { ...made, id: randomUUID(), at: this.#clock.monotonic(), bytes: bytesOf(made) };
    this.#kept.set(kept.id, kept);
    this.#trimOwn(made.server);
    this.#trim();
    return kept;
  }

  /** @throws Failure `path_not_found` when the server has none of that id. */
  get(server: ServerId, id: string): KeptComparison {
    this.#trim();
    const kept = this.#kept.get(id);
    if (kept?.server === server) return kept;
    throw new Failure('path_not_found', 'There is no such comparison', {
      hint: 'It is kept for half an hour at most; ask for it again.',
    });
  }

  /** The newest of a server stays, however large. */
  #trimOwn(server: ServerId): void {
    const own = Array.from(this.#kept.values()).filter((kept) => kept.server === server);
    let bytes = own.reduce((sum, kept) => sum + kept.bytes, 0);
    for (const [at, kept] of own.slice(0, -1).entries()) {
      if (own.length - at <= MOST_OF_SERVER && bytes <= MOST_BYTES_OF_SERVER) return;
      this.#kept.delete(kept.id);
      bytes -= kept.bytes;
    }
  }

  #trim(): void {
    const now = this.#clock.monotonic();
    let bytes = 0;
    for (const kept of this.#kept.values()) bytes += kept.bytes;
    for (const [id, kept] of this.#kept) {
      const isOver = bytes > MOST_BYTES || this.#kept.size > MOST_KEPT;
      if (!isOver && now - kept.at < KEPT_MS) return;
      this.#kept.delete(id);
      bytes -= kept.bytes;
    }
  }
}

/** What one holds in memory: its rows, its folders, and what was asked, which may name thousands of paths. */
function bytesOf({ found, missing, request }: Omit<KeptComparison, 'id'>): number {
  const asked = 2 * JSON.stringify([request, missing]).length;
  const rows = Object.values(found.rows).reduce((sum, each) => sum + each.byteLength, 0);
  return 1024 + asked + found.folders.length * FOLDER_BYTES + rows;
}

/** A comparison for its caller: totals, totals of each name in the root, and the first page of changes. */
export function comparisonView(kept: KeptComparison): ComparisonView {
  const { id, found, missing } = kept;
  const folders = found.folders.map(({ name, totals }) => ({ path: wirePath(name), totals }));
  const totals = found.totals;
  return { id, totals, folders, missing, ...changesOf(kept, { limit: FIRST_ROWS }) };
}

/** One page of changes, in the order of paths. @throws Failure `invalid_request` for a cursor that no page had. */
export function changesOf(
  { found }: Pick<KeptComparison, 'found'>,
  page: { readonly class?: ChangeClass | undefined; readonly cursor?: string | undefined; readonly limit: number },
): ChangePage {
  const classes = CLASSES.filter((each) => found.rows[each] !== undefined && (page.class ?? each) === each);
  let { kind, at } = placeOf(page.cursor, classes[0] ?? 'added');
  if (page.cursor !== undefined && !classes.includes(kind)) throw noCursor();
  const changes: Change[] = [];
  for (const each of classes.slice(Math.max(0, classes.indexOf(kind)))) {
    if (each !== kind) [kind, at] = [each, 0];
    const read = pageOf(found.rows[each] ?? new Uint8Array(), at, page.limit - changes.length);
    if (read === undefined) throw noCursor();
    for (const { path, directory, size, before } of read.rows) {
      changes.push({ class: each, path: wirePath(path), directory, size, ...(before === undefined ? {} : { before }) });
    }
    if (read.next !== undefined) return { changes, cursor: `${each}.${read.next}` };
    const next = classes[classes.indexOf(each) + 1];
    if (changes.length === page.limit && next !== undefined) return { changes, cursor: `${next}.0` };
  }
  return { changes };
}

function placeOf(cursor: string | undefined, first: RowClass): { kind: RowClass; at: number } {
  if (cursor === undefined) return { kind: first, at: 0 };
  const [, name, at] = /^([a-z]{1,10})\.(\d{1,10})$/.exec(cursor) ?? [];
  const kind = CLASSES.find((each) => each === name);
  if (kind === undefined) throw noCursor();
  return { kind, at: Number(at) };
}

function noCursor(): Failure {
  return new Failure('invalid_request', 'Cannot list from there: the cursor is none that a page had');
}
