/**
 * Hands backups of Roost to a Wings that serves alone again: as hard links, in its layout. Archives that this Wings cannot
 * restore are left out: it would fail in the middle, after it has removed the server's files.
 */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { attempt, errnoOf } from '../../base/failure.ts';
import { CATALOGUE_NAME } from '../../catalogue/contract.ts';
import { inspectCatalogue } from '../../catalogue/inspect.ts';
import type { Config } from '../../config/config.ts';

export interface GivenArchives {
  readonly linked: number;
  /** Ids of backups that Wings will not find, and why. */
  readonly left: readonly { readonly backup: string; readonly reason: string }[];
}

/** Pelican looks below the server; the other two in the directory itself. */
export function archiveIn(directory: string, kind: string, server: string, backup: string): string {
  return kind === 'pelican' ? join(directory, server, `${backup}.tar.gz`) : join(directory, `${backup}.tar.gz`);
}

export function giveArchives(config: Config, kind: string, directory: string | null): GivenArchives {
  const histories = inspectCatalogue(join(config.stateDirectory, CATALOGUE_NAME))?.histories ?? new Map();
  const stores = Object.values(config.storage.stores).flatMap((store) =>
    store.type === 'local' && store.layout === 'plain' ? [store.directory] : [],
  );
  let linked = 0;
  const left: { backup: string; reason: string }[] = [];
  for (const [server, history] of histories) {
    for (const { id, status } of history) {
      if (status !== 'COMPLETED') continue;
      const source = stores.map((store) => join(store, server, `${id}.tar.gz`)).find((path) => fs.existsSync(path));
      if (source !== undefined && kind !== 'calagopus' && holdsDirectories(source)) {
        left.push({ backup: id, reason: UNREADABLE });
        continue;
      }
      const reason =
        directory === null ? 'Wings names no backup directory' : linkTo(source, archiveIn(directory, kind, server, id));
      if (reason === undefined) linked++;
      else left.push({ backup: id, reason });
    }
  }
  return { linked, left };
}

const UNREADABLE = 'it was made without backups.wings_readable: Wings would break at the first directory in it';

const Manifest = z.object({
  archive: z.object({ entries: z.number(), files: z.number() }),
  aside: z.string().optional(),
});

/** As its manifest says; true where that cannot be read. */
function holdsDirectories(archive: string): boolean {
  const text = attempt(() => fs.readFileSync(archive.replace(/\.tar\.gz$/, '.json'), 'utf8'));
  const { data } = Manifest.safeParse(text === undefined ? undefined : attempt(() => JSON.parse(text) as unknown));
  return data === undefined || (data.aside === undefined && data.archive.entries > data.archive.files);
}

/** @returns why not. One that is there already is as good: archives never change. */
function linkTo(source: string | undefined, target: string): string | undefined {
  if (source === undefined) return 'it is not in a plain local store';
  try {
    fs.mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    fs.linkSync(source, target);
    return undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') return undefined;
    return errno === 'EXDEV'
      ? `copy ${source} to ${target}: they are on two file systems`
      : `${target}: ${errno ?? String(error)}`;
  }
}
