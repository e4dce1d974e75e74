import { openArchive } from '../../archive/archive.ts';
import type { ArchiveWarning, Entry } from '../../archive/entry.ts';
import { bytesOfArgument } from '../exact-arguments.ts';
import { printable, wirePath } from '../../base/files/paths.ts';
import { archiveArgument, type EncodingOption, withArchive, wireWarnings } from './files.ts';
import { type Invocation, type JsonOption, noteWarnings, type Outcome } from '../command.ts';
import { type ListedItem, printList, trimmed } from '../terminal/entry-list.ts';

export interface ListOptions extends JsonOption, EncodingOption {
  readonly path?: string;
}

type OpenedArchive = Awaited<ReturnType<typeof openArchive>>;

const PAGE = 1000;
const KEPT_WARNINGS = 100;

/** Prints what an archive holds. @param argument its file, as it was given; may be `-`. */
export async function list(
  { terminal, signal }: Invocation,
  argument: string,
  { json, path, encoding }: ListOptions,
): Promise<Outcome> {
  const file = archiveArgument(argument);
  const warnings: ArchiveWarning[] = [];
  let warningCount = 0;
  const onWarning = (warning: ArchiveWarning): void => {
    warningCount++;
    if (warnings.length < KEPT_WARNINGS) warnings.push(warning);
  };
  await withArchive(file, 'Cannot list', signal, async (source) => {
    const archive = await openArchive({ ...source, encoding, onWarning }, signal);
    try {
      const level = path === undefined ? undefined : bytesOfArgument(trimmed(path));
      const entries = level === undefined ? archive.entries(signal) : levelOf(archive, level);
      const head = { file, format: archive.format, path: level === undefined ? undefined : wirePath(level) };
      await printList(terminal, json === true, head, itemsOf(entries));
    } finally {
      await archive.close();
    }
  });
  noteWarnings(terminal, wireWarnings(warnings), warningCount);
  return { warned: warningCount > 0 };
}

async function* levelOf(archive: OpenedArchive, path: string): AsyncIterable<Entry> {
  let cursor: string | undefined;
  do {
    const page = await archive.list(path, cursor, PAGE);
    yield* page.entries;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

async function* itemsOf(entries: AsyncIterable<Entry>): AsyncIterable<ListedItem> {
  for await (const entry of entries) yield { json: wireEntry(entry), text: line(entry) };
}

/** As `tar -t` prints it: directories end in a slash. */
function line({ path, kind }: Entry): string {
  return printable(path) + (kind === 'directory' ? '/' : '');
}

function wireEntry({ path, kind, size, mode, uid, gid, mtime, target }: Entry): Record<string, unknown> {
  const common = { path: wirePath(path), kind, size, mode, uid, gid, mtime };
  return target === undefined ? common : { ...common, target: wirePath(target) };
}
