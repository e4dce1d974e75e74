/**
 * The marker of a local store: a file with the store's id, which the node remembers, and the digits of that node. It
 * distinguishes the store's directory from the bare mount point of an unmounted disk, where backups would fill the
 * system disk and older ones would look lost, and from the store of another node (ownership.ts has the table).
 *
 * A first marking is refused in a directory with other files; archives of a panel's former daemon are allowed in it, and
 * so are objects of a store whose marker is gone. The marker is written before the id is remembered.
 */
import { requireAccess } from '../../base/files/access.ts';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { attempt, errnoOf, Failure } from '../../base/failure.ts';
import { isUuid } from '../../base/ids.ts';
import type { StoreIdentity } from '../identity.ts';
import { keyParts } from '../key.ts';
import { removeIfThere, type StoreFiles } from './files.ts';
import { DIRECTORY_MODE, FILE_MODE, isFlatArchive, isServerName, partialKey } from './layout.ts';
import { LOCK_FILE, type StoreLock } from './lock.ts';
import { judgeMarker, type Marker, type OwnershipRules, parseMemory, type Verdict, wantedText } from './ownership.ts';

export const MARKER_NAME = '.roost-store';

const MAX_MARKER_BYTES = 4096;
/** What a new file system contains, and a marking that was killed. */
export const NOT_CONTENT = new Set([MARKER_NAME, `${MARKER_NAME}.new`, LOCK_FILE, 'lost+found']);

export interface MarkedPlace extends OwnershipRules {
  /** The store's name in the config. */
  readonly name: string;
  readonly directory: string;
  readonly identity: StoreIdentity;
  readonly files: StoreFiles;
  /** Without one, nothing is locked. */
  readonly lock: StoreLock | undefined;
}

/**
 * Resolves when the directory is the marked store, and this node's; marks, remembers and takes over as ownership.ts says.
 *
 * @throws Failure `store_unreachable` in the refused cases; system errors unchanged.
 */
export async function requireMarked(place: MarkedPlace): Promise<void> {
  const { directory, files, lock } = place;
  const first = await judge(place);
  if (first.kind === 'mark') {
    await makeDirectory(directory, files);
    await refuseStrangers(directory);
  }
  await requireAccess(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  if (lock === undefined) return settle(place, first);
  await lock.hold();
  // What was seen before the lock may have been changed by its holder.
  return settle(place, first.kind === 'use' ? first : await judge(place));
}

/** @throws Failure `store_unreachable` in the refused cases. */
async function judge(place: MarkedPlace): Promise<Verdict> {
  const { directory, identity } = place;
  const found = await readMarker(directory);
  const verdict = judgeMarker(parseMemory(identity.load()), found, place);
  if (verdict.kind !== 'refuse') return verdict;
  if (verdict.why === 'another' && found !== undefined) throw anothers(place, found);
  throw notTheOne(place, verdict.remembered ?? '', found);
}

async function settle(place: MarkedPlace, verdict: Verdict): Promise<void> {
  const { directory, identity, files, node } = place;
  // A vault stays one when the config says otherwise: archives without files of their own may lie in it.
  const vault = place.vault || (await readMarker(directory))?.vault === true;
  if (verdict.kind === 'mark') {
    const id = randomUUID();
    await writeMarker(directory, files, { id, node, vault });
    identity.save(id);
  } else if (verdict.kind === 'adopt') {
    const id = randomUUID();
    identity.save(wantedText(id, verdict.id));
    await writeMarker(directory, files, { id, node, vault });
    identity.save(id);
  } else if (verdict.kind !== 'refuse') {
    if (verdict.kind === 'stamp') await writeMarker(directory, files, { id: verdict.id, node, vault });
    if (identity.load() !== verdict.id) identity.save(verdict.id);
  }
}

async function refuseStrangers(directory: string): Promise<void> {
  const stranger = await findStranger(directory);
  if (stranger === undefined) return;
  throw new Failure('store_unreachable', `Cannot use ${directory} as a store: it holds other files (${stranger})`, {
    facts: { directory, stranger },
    hint: 'Name an empty directory for this store, or move those files away.',
  });
}

/** Replaces the marker in one step, durably. */
async function writeMarker(directory: string, files: StoreFiles, marker: Marker): Promise<void> {
  const temporary = join(directory, `${MARKER_NAME}.new`);
  // A marking that was killed may have left it; only Roost writes this name.
  await removeIfThere(files, temporary);
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  {
    await using file = await open(temporary, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, FILE_MODE);
    await file.writeFile(markerText(marker));
    await file.sync();
  }
  await files.rename(temporary, join(directory, MARKER_NAME));
  await files.syncDirectory(directory);
}

/** Makes the directory and its parents durable, because the node will remember it as marked. */
async function makeDirectory(directory: string, files: StoreFiles): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made))
    await files.syncDirectory(dirname(made));
}

/** The marker, or undefined when there is none. @throws Failure `store_unreachable` when it is damaged. */
export async function readMarker(directory: string): Promise<Marker | undefined> {
  const text = await readSmallFile(join(directory, MARKER_NAME));
  if (text === undefined) return undefined;
  const marker = parseMarker(text);
  if (marker !== undefined) return marker;
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

/** The id of a vault has another name, so that a program without vaults takes the marker for a damaged one. */
function markerText({ id, node, vault }: Marker): string {
  const content = vault
    ? { format: 'roost-vault', version: 1, store: id, node }
    : { format: 'roost-store', version: 1, id, node };
  return `${JSON.stringify(content)}\n`;
}

function parseMarker(text: string): Marker | undefined {
  const content = attempt(() => JSON.parse(text) as unknown);
  if (typeof content !== 'object' || content === null) return undefined;
  const vault = 'format' in content && content.format === 'roost-vault';
  const id = vault ? 'store' in content && content.store : 'id' in content && content.id;
  const node = 'node' in content ? content.node : undefined;
  if (typeof id !== 'string' || !isUuid(id)) return undefined;
  if (node !== undefined && (typeof node !== 'string' || !/^[0-9a-f]{32}$/.test(node))) return undefined;
  return { id, node, vault };
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

function notTheOne(
  { name, directory, node, vault }: MarkedPlace,
  remembered: string,
  found: Marker | undefined,
): Failure {
  const facts = { directory, remembered, found: found?.id };
  if (found === undefined) {
    return new Failure('store_unreachable', `Cannot use the store ${directory}: its marker is missing`, {
      facts,
      hint:
        `Is its disk mounted? If this store was emptied or replaced on purpose, write its marker again: ` +
        `echo '${markerText({ id: remembered, node, vault }).trim()}' > ${join(directory, MARKER_NAME)}`,
      retry: true,
    });
  }
  return new Failure('store_unreachable', `Cannot use the store ${directory}: it is marked as another store`, {
    facts,
    hint: `Is the right disk mounted? If another node took this store over, or it was replaced on purpose, ${adoptHint(name, found)}`,
    retry: true,
  });
}

function anothers({ name, directory }: MarkedPlace, found: Marker): Failure {
  return new Failure(
    'store_unreachable',
    `Cannot use the store ${directory}: it belongs to another node (${found.id})`,
    {
      facts: { directory, found: found.id },
      hint: `Give this node a directory of its own. If that node is gone, or was this one, ${adoptHint(name, found)}`,
    },
  );
}

/** The end of a sentence. */
export function adoptHint(name: string, { id }: Marker): string {
  return `set "adopt: ${id}" in storage.stores.${name}: that node, if it still runs, can use the store no more.`;
}
