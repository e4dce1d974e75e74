/** Joins entries with the segments that hold them, one segment at a time, for verifying and unpacking. */
import type { IndexReader } from './reader.ts';
import { indexDamaged, type IndexedEntry, type Segment } from './format.ts';
import { paddingOf } from '../tar/header.ts';

export interface FilledSegment {
  readonly segment: Segment;
  /** Entries whose header begins in it. */
  readonly entries: readonly IndexedEntry[];
  /** A file whose content began in an earlier segment and goes on in this one. */
  readonly continued: IndexedEntry | undefined;
}

/** Where an entry's content begins in the tar stream. */
export function contentStart(entry: IndexedEntry): number {
  return entry.tarOffset + entry.headerLength;
}

/** Where the next entry's header begins. */
export function entryEnd(entry: IndexedEntry): number {
  return contentStart(entry) + entry.size + paddingOf(entry.size);
}

/**
 * Goes over an archive's segments in order.
 *
 * @throws Failure `archive_damaged` when segments or entries do not follow each other without a gap.
 */
export async function* filledSegments(reader: IndexReader): AsyncGenerator<FilledSegment, void, void> {
  const entries = reader.entries();
  let next = await entries.next();
  let expected = 0;
  let last: IndexedEntry | undefined;
  for await (const segment of reader.segments()) {
    const end = segment.rawOffset + segment.rawLength;
    const continued = last !== undefined && entryEnd(last) > segment.rawOffset ? last : undefined;
    const held: IndexedEntry[] = [];
    while (next.done !== true && next.value.tarOffset < end) {
      if (next.value.tarOffset !== expected) throw indexDamaged('its entries do not follow each other');
      expected = entryEnd(next.value);
      last = next.value;
      held.push(next.value);
      next = await entries.next();
    }
    yield { segment, entries: held, continued };
  }
  if (next.done !== true) throw indexDamaged('it names entries behind the end of the archive');
}
