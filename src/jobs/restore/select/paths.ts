/**
 * Selects what a restore brings back: by `paths`, which are exact names in the backup, and by `globs`, which are patterns.
 *
 * A path selects itself and everything below it. Only a path that the backup does not have is tried as a glob, in which `!`
 * is an ordinary character. So a name copied from a listing never selects more than its own entry. The archive is searched
 * once for the paths, before anything is unpacked.
 */
import type { Entry } from '../../../archive/entry.ts';
import { ExactNames, trimmedPath } from '../../../archive/select/exact-names.ts';
import { type PathSelection, selectEither, selectPaths } from '../../../archive/select/selection.ts';
import { Failure } from '../../../base/failure.ts';
import { SliceTimer } from '../../../base/files/handle-writes.ts';
import { printableText } from '../../../base/files/paths.ts';
import { compileGlobs, compileLines, linesOfPath, MAX_EXPANDED, MAX_GLOBS } from './globs.ts';

export type { PathSelection } from '../../../archive/select/selection.ts';

const MAX_PATHS = 10_000;
/** Characters of one path: each byte of the longest that an archive can hold, as an escape. */
const MAX_PATH_CHARACTERS = 4 * 8192;
/** Entries that are tried against single globs, to learn which of them match nothing. */
const MAX_TRIED = 20_000;
/** Names in a message. */
const SHOWN = 5;

/** What a restore is asked for, as requests carry it. */
export interface Asked {
  readonly paths?: readonly string[] | undefined;
  /** As `paths`, but never tried as globs. */
  readonly files?: readonly string[] | undefined;
  readonly globs?: readonly string[] | undefined;
}

/** What is selected, and which paths are nothing of the backup. */
export interface ResolvedSelection {
  readonly selection: PathSelection;
  /** As they were given. */
  readonly missing: readonly string[];
}

/**
 * Refuses what no backup can have, without looking into one.
 *
 * @throws Failure `invalid_request`.
 */
export function checkAsked({ paths, files, globs }: Asked): void {
  if (globs !== undefined) compileGlobs(globs);
  for (const list of [paths, files]) {
    if (list === undefined) continue;
    if (list.length === 0) throw refused('it is empty', 'Leave `paths` out to restore everything.');
    if (list.length > MAX_PATHS) throw refused(`it has ${list.length} paths, ${MAX_PATHS} are allowed`);
    for (const path of list) checkPath(path);
  }
  if (paths === undefined && files === undefined) return;
  const excludesOnly = globs?.every((glob) => glob.startsWith('!')) === true;
  if (excludesOnly) throw refused('`globs` beside it only exclude', 'Name what they exclude from as a glob too.');
}

function checkPath(path: string): void {
  const shown = printableText(path.slice(0, 80));
  if (path.length > MAX_PATH_CHARACTERS) {
    throw refused(`"${shown}…" has ${path.length} characters, ${MAX_PATH_CHARACTERS} are allowed`);
  }
  if (path.includes('\0')) throw refused(`"${shown}" has a NUL in it`);
  const names = trimmedPath(path).split('/');
  if (names.includes('..')) throw refused(`"${shown}" leads out of the server`);
  if (names.every((name) => name === '' || name === '.')) throw refused(`"${shown}" names nothing`, EVERYTHING);
}

const EVERYTHING = 'Leave `paths` out to restore everything.';

/**
 * Finds out what the asked paths and globs are in a backup.
 *
 * @param entries begins a pass over the entries of the archive.
 * @returns undefined when all is asked for.
 * @throws Failure `path_not_found` when they select nothing; `invalid_request` as `checkAsked`, and for globs that take too
 *   many steps.
 */
export async function resolveAsked(
  asked: Asked,
  entries: () => AsyncIterable<Pick<Entry, 'path' | 'kind'>>,
): Promise<ResolvedSelection | undefined> {
  const { files = [], globs } = asked;
  if (!isChosen(asked)) return undefined;
  const paths = [...(asked.paths ?? []), ...files];
  const exactly = new Set(files);
  checkAsked(asked);
  const { found, missing } = paths.length === 0 ? { found: [], missing: [] } : await findNames(paths, entries);
  const exact = found.length === 0 ? undefined : selectPaths(found);
  const tried = missing.flatMap((path) => {
    if (exactly.has(path)) return [];
    const lines = linesOfPath(path);
    return lines === undefined ? [] : [{ path, lines }];
  });
  const patterns = [
    ...(globs === undefined ? [] : [compileGlobs(globs)]),
    ...(tried.length === 0 ? [] : [compileTried(tried)]),
  ];
  const matched = patterns.length === 0 ? NOTHING : await findMatches(patterns, tried, entries);
  if (exact === undefined && !matched.any) throw nothingFound([...missing, ...(globs ?? [])]);
  const none = new Set(missing.filter((path) => !matched.paths.has(path)));
  const all = [...(exact === undefined ? [] : [exact]), ...patterns];
  return { selection: all.reduce(selectEither), missing: [...none] };
}

/** True when the request selects a part of the backup. */
export function isChosen({ paths, files, globs }: Asked): boolean {
  return paths !== undefined || files !== undefined || globs !== undefined;
}

async function findNames(paths: readonly string[], entries: () => AsyncIterable<Pick<Entry, 'path'>>) {
  const timer = new SliceTimer();
  const names = new ExactNames(paths);
  for await (const { path } of entries()) {
    await timer.giveWay();
    names.see(path);
  }
  return names.result();
}

interface TriedPath {
  readonly path: string;
  readonly lines: readonly string[];
}

function compileTried(tried: readonly TriedPath[]) {
  const lines = tried.flatMap((each) => each.lines);
  if (tried.length <= MAX_GLOBS && lines.length <= MAX_EXPANDED) return compileLines(lines);
  throw refused(`${tried.length} of its paths are none of the backup, and stand for ${lines.length} globs`);
}

interface Matched {
  readonly any: boolean;
  /** Paths that match as globs, or that were not tried. */
  readonly paths: ReadonlySet<string>;
}

const NOTHING: Matched = { any: false, paths: new Set() };

async function findMatches(
  patterns: readonly PathSelection[],
  tried: readonly TriedPath[],
  entries: () => AsyncIterable<Pick<Entry, 'path' | 'kind'>>,
): Promise<Matched> {
  const timer = new SliceTimer();
  const paths = new Set<string>();
  let open = tried.map(({ path, lines }) => ({ path, globs: compileLines(lines) }));
  let left = MAX_TRIED;
  let any = false;
  for await (const { path, kind } of entries()) {
    await timer.giveWay();
    if (!patterns.map((each) => each.selects(path, kind)).includes(true)) continue;
    any = true;
    left -= open.length;
    if (left < 0) break;
    for (const each of open) if (each.globs.selects(path, kind)) paths.add(each.path);
    open = open.filter((each) => !paths.has(each.path));
    // Nothing more to learn from this pass, but what the patterns cost.
  }
  if (left < 0) for (const each of open) paths.add(each.path);
  return { any, paths };
}

function nothingFound(asked: readonly string[]): Failure {
  const more = asked.length > SHOWN ? ` and ${asked.length - SHOWN} more` : '';
  const names = asked.slice(0, SHOWN).map((path) => `"${printableText(path.slice(0, 200))}"`);
  return new Failure('path_not_found', `Cannot restore: nothing in the backup is ${names.join(', ')}${more}`, {
    hint: 'Paths begin at the root of the server, as a listing shows them; patterns, such as **/level.dat, go into `globs`.',
  });
}

function refused(state: string, hint?: string): Failure {
  return new Failure('invalid_request', `Cannot use the list of paths: ${state}`, hint === undefined ? {} : { hint });
}
