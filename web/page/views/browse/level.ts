/** What the list of files shows: one level of a backup, or what was found in it, page by page. */
import { useMemo } from 'preact/hooks';
import { directoryOf } from '../../api/files.ts';
import { findIn } from '../../api/looks.ts';
import { type Page, type UsedPages, usePages } from '../../live/pages.ts';
import { changesOf } from '../../live/state.ts';
import type { Shown } from './files.tsx';

export interface Place {
  readonly server: string;
  readonly backup: string;
  /** Of a directory in the backup, without a slash at its end; '' for the root. */
  readonly path: string;
  /** What is looked for in all of the backup; '' for nothing. */
  readonly text: string;
}

/** The search waits this long after a key, so that typing a word asks once. */
const TYPING_MS = 250;

async function pageOf({ server, backup, path, text }: Place, cursor?: string): Promise<Page<Shown>> {
  if (text !== '') {
    const found = await findIn(server, backup, text, cursor);
    const items = found.entries.map((entry) => ({ ...entry, name: entry.path.slice(entry.path.lastIndexOf('/') + 1) }));
    return { items, cursor: found.cursor };
  }
  const level = await directoryOf(server, backup, path, cursor);
  const items = level.entries.map((entry) => ({ ...entry, path: path === '' ? entry.name : `${path}/${entry.name}` }));
  return { items, cursor: level.cursor };
}

export function useLevel(place: Place): UsedPages<Shown> {
  const { server, backup, path, text } = place;
  const key = JSON.stringify([server, backup, path, text]);
  // The server's files may have changed with its backups.
  const pages = usePages(key, (cursor) => pageOf(place, cursor), changesOf(server), text === '' ? 0 : TYPING_MS);
  const items = useMemo(() => (pages.items === undefined ? undefined : withTwins(pages.items)), [pages.items]);
  return { ...pages, items };
}

/** Names come in the order of their bytes, in which the name that is text is the first of those that read the same. */
export function withTwins(items: readonly Shown[]): readonly Shown[] {
  const read = new Map<string, number>();
  const isPlain = items.every(({ path }) => !path.includes('\\x'));
  if (isPlain) return items;
  return items.map((item) => {
    if (!item.path.includes('\\x')) return item;
    const before = read.get(item.path) ?? 0;
    read.set(item.path, before + 1);
    return before === 0 ? item : { ...item, twin: before };
  });
}
