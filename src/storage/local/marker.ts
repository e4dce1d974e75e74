/**
 * The marker of a local store: a file with an id that the node remembers. It distinguishes the store's directory from
 * the bare mount point of an unmounted disk, where backups would fill the system disk and older ones would look lost.
 *
 * | the node remembers an id | the directory        |                                               |
 * |--------------------------|----------------------|-----------------------------------------------|
 * | no                       | missing or empty     | made, marked: the first start                 |
 * | no                       | holds only our files | marked: an unmarked store; archives of a      |
 * |                          |                      | panel's former daemon are allowed in it       |
 * | no                       | holds other files    | refused                                       |
 * | no                       | marked               | remembered: the node's state was lost or new  |
 * | yes                      | marked with it       | used                                          |
 * | yes                      | anything else        | refused: not mounted, or another's store      |
 *
 * The marker is written before the id is remembered: after a kill in between, the next start finds a marked directory.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, Failure } from '../../base/failure.ts';
import { isUuid } from '../../base/ids.ts';
import type { StoreIdentity } from '../identity.ts';
import { keyParts } from '../key.ts';
import { removeIfThere, type StoreFiles } from './files.ts';
import { DIRECTORY_MODE, FILE_MODE, isFlatArchive, isServerName, partialKey } from './layout.ts';

export const MARKER_NAME = '.roost-store';

const MAX_MARKER_BYTES = 4096;
/** What a new file system contains. */
const NOT_CONTENT = new Set([MARKER_NAME, `${MARKER_NAME}.new`, 'lost+found']);

/**
 * Resolves when the directory is the marked store.
 *
 * @throws Failure `store_unreachable` in the refused cases above; system errors unchanged.
 */
export async function requireMarked(directory: string, identity: StoreIdentity, files: StoreFiles): Promise<void> {
  const remembered = identity.load();
  const found = await readMarker(directory);
  if (remembered !== undefined) {
    if (found !== remembered) throw notTheOne(directory, remembered, found);
    return;
  }
  identity.save(found ?? (await mark(directory, files)));
}

async function mark(directory: string, files: StoreFiles): Promise<string> {
  await makeDirectory(directory, files);
  const stranger = await findStranger(directory);
  if (stranger !== undefined) {
    throw new Failure('store_unreachable', `Cannot use ${directory} as a store: it holds other files (${stranger})`, {
      facts: { directory, stranger },
      hint: 'Name an empty directory for this store, or move those files away.',
    });
  }
  const id = randomUUID();
  const temporary = join(directory, `${MARKER_NAME}.new`);
  // A marking that was killed may have left it; only Roost writes this name.
  await removeIfThere(files, temporary);
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  {
    await using file = await open(temporary, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, FILE_MODE);
    await file.writeFile(markerText(id));
    await file.sync();
  }
  await files.rename(temporary, join(directory, MARKER_NAME));
  await files.syncDirectory(directory);
  return id;
}

/** Makes the directory and its parents durable, because the node will remember it as marked. */
async function makeDirectory(directory: string, files: StoreFiles): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made))
    await files.syncDirectory(dirname(made));
}

/** The id in the marker, or undefined when there is none. @throws Failure `store_unreachable` when it is damaged. */
export async function readMarker(directory: string): Promise<string | undefined> {
  const text = await readSmallFile(join(directory, MARKER_NAME));
  if (text === undefined) return undefined;
  const id = markerId(text);
  if (id !== undefined) return id;
  throw new Failure('store_unreachable', `Cannot use ${directory} as a store: its marker ${MARKER_NAME} is damaged`, {
    facts: { directory },
    hint: 'Put the marker back from a copy of the store, or remove it after checking that this is the right disk.',
  });
}

async function readSmallFile(path: string): Promise<string | undefined> {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
  try {
    await using file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const buffer = Buffer.alloc(MAX_MARKER_BYTES);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function markerText(id: string): string {
  return `${JSON.stringify({ format: 'roost-store', version: 1, id })}\n`;
}

function markerId(text: string): string | undefined {
  try {
    const content = JSON.parse(text) as unknown;
    if (typeof content !== 'object' || content === null || !('id' in content)) return undefined;
    return typeof content.id === 'string' && isUuid(content.id) ? content.id : undefined;
  } catch {
    return undefined;
  }
}

/** The first name in the directory that no store of Roost would contain. */
async function findStranger(directory: string): Promise<string | undefined> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (NOT_CONTENT.has(entry.name)) continue;
    if (entry.isFile() && isFlatArchive(entry.name)) continue;
    if (!entry.isDirectory() || !isServerName(entry.name)) return entry.name;
    for (const name of await readdir(join(directory, entry.name))) {
      const ours = keyParts(`${entry.name}/${name}`) !== undefined || partialKey(entry.name, name) !== undefined;
      if (!ours) return `${entry.name}/${name}`;
    }
  }
  return undefined;
}

function notTheOne(directory: string, remembered: string, found: string | undefined): Failure {
  const state = found === undefined ? 'its marker is missing' : 'it is marked as another store';
  return new Failure('store_unreachable', `Cannot use the store ${directory}: ${state}`, {
    facts: { directory, remembered, found },
    hint:
      `Is its disk mounted? If this store was emptied or replaced on purpose, write its marker again: ` +
      `echo '${markerText(remembered).trim()}' > ${join(directory, MARKER_NAME)}`,
    retry: true,
  });
}
