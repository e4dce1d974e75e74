/**
 * One level of a backup as the file manager of Calagopus lists directories.
 *
 * Sources: calagopus/wings application/src/models.rs (`DirectoryEntry`, `DirectorySortingMode`),
 * …/routes/api/servers/_server_/files/list.rs.
 */
import type { DirectoryItem } from '../../../jobs/contract.ts';

type Item = Omit<DirectoryItem, 'raw'>;

export interface Wanted {
  readonly sort: string;
  /** Entries of one page; undefined for all. */
  readonly perPage: number | undefined;
  /** From 1. */
  readonly page: number;
}

/** The page offers to open text files up to this size. */
const EDITABLE_BYTES = 4 * 1024 * 1024;
const TEXT =
  /\.(?:bat|cfg|conf|css|csv|env|html|ini|js|json5?|lang|log|lua|mcmeta|md|properties|py|sh|sk|snbt|sql|toml|ts|txt|xml|ya?ml)$/i;

/** The answer's body: directories first, sorted, cut to the page. */
export function directoryListing(items: readonly Item[], { sort, perPage, page }: Wanted) {
  const compare = COMPARISONS[sort.replace(/_(?:asc|desc)$/, '')] ?? byName;
  const direction = sort.endsWith('_desc') ? -1 : 1;
  const sorted = items.toSorted(
    (one, other) => Number(isDirectory(other)) - Number(isDirectory(one)) || direction * compare(one, other),
  );
  const start = perPage === undefined ? 0 : (page - 1) * perPage;
  const shown = sorted.slice(start, perPage === undefined ? undefined : start + perPage);
  const filesystem = { filesystem_primary: false, filesystem_writable: false, filesystem_fast: false };
  return { total: items.length, ...filesystem, entries: shown.map(directoryEntry) };
}

type Comparison = (one: Item, other: Item) => number;

const byName: Comparison = (one, other) => (one.name < other.name ? -1 : Number(one.name > other.name));
const bySize: Comparison = (one, other) => one.size - other.size || byName(one, other);
const byTime: Comparison = (one, other) => one.mtime - other.mtime || byName(one, other);

/** An archive has no time of creation, so `created` sorts by modification. */
const COMPARISONS: Readonly<Record<string, Comparison>> = {
  size: bySize,
  physical_size: bySize,
  modified: byTime,
  created: byTime,
};

function directoryEntry(item: Item) {
  const { name, kind, size, mode } = item;
  const isFile = kind === 'file' || kind === 'hardlink';
  const time = secondsText(item.mtime);
  return {
    name,
    mode: modeText(kind, mode),
    mode_bits: (mode & 0o777).toString(8),
    size,
    size_physical: size,
    editable: isFile && TEXT.test(name) && size <= EDITABLE_BYTES,
    inner_editable: false,
    directory: kind === 'directory',
    file: isFile,
    symlink: kind === 'symlink',
    virtual: true,
    mime: mimeOf(item),
    created: time,
    modified: time,
  };
}

function isDirectory({ kind }: Item): boolean {
  return kind === 'directory';
}

function mimeOf({ name, kind }: Item): string {
  if (kind === 'directory') return 'inode/directory';
  if (kind === 'symlink') return 'inode/symlink';
  return TEXT.test(name) ? 'text/plain' : 'application/octet-stream';
}

function modeText(kind: Item['kind'], mode: number): string {
  const letters = Array.from('rwxrwxrwx', (letter, at) => ((mode & (0o400 >> at)) === 0 ? '-' : letter));
  return `${kind === 'directory' ? 'd' : kind === 'symlink' ? 'l' : '-'}${letters.join('')}`;
}

/** A time before 1970 or after the year 9999 becomes the epoch, as in the panel's daemon. */
function secondsText(seconds: number): string {
  const isDate = seconds >= 0 && seconds < 253_402_300_800;
  return new Date(isDate ? Math.floor(seconds) * 1000 : 0).toISOString().replace('.000Z', 'Z');
}
