/** What the list of files shows: one level of a backup, or what was found in it, page by page. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { directoryOf } from '../../api/files.ts';
import { failureOf, type ApiFailure } from '../../api/failures.ts';
import { findIn } from '../../api/looks.ts';
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

interface Page {
  readonly items: readonly Shown[];
  readonly cursor?: string | undefined;
}

/** The search waits this long after a key, so that typing a word asks once. */
const TYPING_MS = 250;

async function pageOf({ server, backup, path, text }: Place, cursor?: string): Promise<Page> {
  if (text !== '') {
    const found = await findIn(server, backup, text, cursor);
    const items = found.entries.map((entry) => ({ ...entry, name: entry.path.slice(entry.path.lastIndexOf('/') + 1) }));
    return { items, cursor: found.cursor };
  }
  const level = await directoryOf(server, backup, path, cursor);
  const items = level.entries.map((entry) => ({ ...entry, path: path === '' ? entry.name : `${path}/${entry.name}` }));
  return { items, cursor: level.cursor };
}

export function useLevel(place: Place) {
  const pages = useSignal<readonly Page[] | undefined>(undefined);
  const failure = useSignal<ApiFailure | undefined>(undefined);
  const asked = useSignal('');
  const wanted = useRef<string>(undefined);
  const { server, backup, path, text } = place;
  const key = JSON.stringify([server, backup, path, text]);
  const read = (cursor?: string): void => {
    pageOf(place, cursor).then(
      (page) => {
        // The answer for a directory that was left meanwhile is not shown.
        if (asked.value === key) pages.value = cursor === undefined ? [page] : [...(pages.value ?? []), page];
      },
      (error: unknown) => {
        wanted.current = undefined;
        if (asked.value === key) failure.value = failureOf(error);
      },
    );
  };
  useEffect(() => {
    [asked.value, pages.value, failure.value] = [key, undefined, undefined];
    const timer = setTimeout(read, text === '' ? 0 : TYPING_MS);
    return () => clearTimeout(timer);
  }, [key]);
  const changes = changesOf(server);
  const before = useRef(changes);
  useEffect(() => {
    // The server's files may have changed: read the shown pages again, and keep showing the old ones meanwhile.
    if (before.current !== changes) void reread();
    before.current = changes;
  }, [changes]);
  const reread = async (): Promise<void> => {
    const found: Page[] = [];
    try {
      for (const _ of pages.value ?? []) {
        const cursor = found.at(-1)?.cursor;
        if (found.length > 0 && cursor === undefined) break;
        found.push(await pageOf(place, cursor));
      }
      if (asked.value === key && found.length > 0) pages.value = found;
    } catch {
      // Keep what is shown; the next request shows its error.
    }
  };
  const cursor = pages.value?.at(-1)?.cursor;
  const more = (): void => {
    if (cursor === undefined || wanted.current === `${key} ${cursor}`) return;
    wanted.current = `${key} ${cursor}`;
    read(cursor);
  };
  return {
    items: pages.value?.flatMap(({ items }) => items),
    failure: failure.value,
    more,
    again: () => {
      failure.value = undefined;
      read();
    },
  };
}
