/**
 * What a truncating restore would take away without having anything to put in its place. Nothing live has been touched
 * when this is asked, so that a restore which would only delete ends here.
 */
import type { ExtractResult } from '../../archive/contract.ts';
import { Failure } from '../../base/failure.ts';
import { hasChangedMeanwhile } from '../../base/files/handle-writes.ts';
import { DirectoryChain, type DirectoryItem, MAX_DEPTH, readDirectory, statChild } from '../../base/files/handles.ts';
import { printable, splitPath, wirePath } from '../../base/files/paths.ts';
import { STAGE_PREFIX } from '../../servers/stage/stage.ts';
import type { PathSelection } from './select/paths.ts';

/** Names in the message, and in the facts. */
const SHOWN = 5;
const LISTED = 100;
/** NAME_MAX of every Linux file system. */
const MAX_NAME_BYTES = 255;

export interface LossRequest {
  /** Open directories: the server's, and the unpacked tree's. */
  readonly live: number;
  readonly incoming: number;
  readonly result: Pick<ExtractResult, 'files' | 'skipped' | 'warnings'>;
  /** Paths that the backup could not read or keep when it was made; byte strings. */
  readonly unsaved: readonly string[];
  readonly selection: PathSelection | undefined;
}

/**
 * @throws Failure `invalid_request` when the restore would put back nothing, or would remove what the backup has, or had to
 *   leave out, under that very name.
 */
export function refuseLosses(request: LossRequest): void {
  const { live, result } = request;
  if (readDirectory(live).every(({ name }) => name.startsWith(STAGE_PREFIX))) return;
  if (putsBackNothing(request)) {
    const skipped = result.skipped === 0 ? '' : `; ${result.skipped} entries were passed over`;
    throw refused(`the backup would put back nothing, and what is there would be removed${skipped}`, []);
  }
  const lost = lostTwins(request);
  if (lost.length > 0) {
    const more = lost.length > SHOWN ? ` and ${lost.length - SHOWN} more` : '';
    const names = lost.slice(0, SHOWN).map(printable).join(', ');
    throw refused(`it would remove what the backup cannot put back: ${names}${more}`, lost);
  }
  const named = result.warnings.filter(({ code }) => code === 'hostile_entry' || code === 'unsupported_entry').length;
  if (result.skipped > named) {
    throw refused(
      `${result.skipped} entries of the backup were passed over, too many to look for each in the server`,
      [],
    );
  }
}

/**
 * Nothing at all; or, in place of files, no file of the whole backup, and of a part of it nothing but directories. Such a
 * backup is one of a disk that was not mounted.
 */
function putsBackNothing({ live, incoming, result, selection }: LossRequest): boolean {
  if (result.files > 0) return false;
  if (result.skipped > 0 || readDirectory(incoming).length === 0) return true;
  const isBare = selection === undefined || !holdsMore(incoming, () => true);
  return isBare && holdsMore(live, (path) => selection?.selects(path, 'other') !== false);
}

/** Whether a tree holds anything but directories that is meant; looks no further than to the first. */
function holdsMore(root: number, isMeant: (path: string) => boolean): boolean {
  const chain = new DirectoryChain(root);
  const open = [''];
  try {
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      for (const item of itemsOf(chain, path)) {
        const child = path === '' ? item.name : `${path}/${item.name}`;
        if (child.startsWith(STAGE_PREFIX)) continue;
        if (item.directory) open.push(child);
        else if (isMeant(child)) return true;
      }
    }
    return false;
  } finally {
    chain.close();
  }
}

function itemsOf(chain: DirectoryChain, path: string): DirectoryItem[] {
  try {
    return readDirectory(chain.open(path));
  } catch (error) {
    if (hasChangedMeanwhile(error)) return [];
    throw error;
  }
}

/** Live paths under the name of something passed over, which nothing replaces. */
function lostTwins({ live, incoming, result, unsaved, selection }: LossRequest): string[] {
  const here = new DirectoryChain(live);
  const coming = new DirectoryChain(incoming);
  const lost = new Set<string>();
  try {
    for (const path of [...result.warnings.map((warning) => warning.path), ...unsaved]) {
      const twin = twinOf(path);
      if (twin === undefined || has(coming, twin)) continue;
      if (has(here, twin) && selection?.selects(twin, 'other') !== false) lost.add(twin);
    }
  } finally {
    here.close();
    coming.close();
  }
  return [...lost];
}

/** Where GNU tar would unpack an entry of that name; undefined for one that names nothing. */
function twinOf(path: string): string | undefined {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  const inside = names.slice(names.lastIndexOf('..') + 1);
  const unusable = inside.some((name) => name.length > MAX_NAME_BYTES || name.includes('\0'));
  return inside.length === 0 || inside.length > MAX_DEPTH || unusable ? undefined : inside.join('/');
}

function has(chain: DirectoryChain, path: string): boolean {
  const { parent, name } = splitPath(path);
  try {
    return statChild(chain.open(parent), name) !== undefined;
  } catch (error) {
    if (hasChangedMeanwhile(error)) return false;
    throw error;
  }
}

function refused(state: string, lost: readonly string[]): Failure {
  return new Failure('invalid_request', `Cannot restore in place of the server: ${state}`, {
    ...(lost.length === 0 ? {} : { facts: { paths: lost.slice(0, LISTED).map(wirePath) } }),
    hint: 'Restore without truncate, which removes nothing; or with force, if that is meant.',
  });
}
