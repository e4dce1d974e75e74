/**
 * Plain archives whose file is a pack by now: an adoption (take-in.ts) was killed before it removed the plain name.
 *
 * For: the collection, which removes that name behind the recipe's, in the same directory. Promises: each that is named here
 * shares its file with a pack, so no byte goes with it. Never: names one whose file is its own, whatever a recipe says.
 */
import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { errnoOf } from '../../../base/failure.ts';
import type { BackupId, ServerId } from '../../../base/ids.ts';
import { objectKey, type ObjectKey } from '../../key.ts';
import type { Store } from '../../store.ts';
import { packKey, type ServerPacks } from '../server-packs.ts';
import { fileIdentity } from '../plain.ts';

/**
 * To be called when every recipe was read and its bytes were found, in the turn of the server.
 *
 * @param stays says of a pack whether it does.
 * @returns backups that have a recipe, and a plain archive that is another name of a pack that stays; none where objects
 * are no files.
 */
export async function secondNames(
  store: Pick<Store, 'localPath'>,
  server: ServerId,
  packs: ServerPacks,
  stays: (pack: string) => boolean,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const files = new Map<string, string>();
  for (const id of packs.plain.keys()) {
    if (!packs.recipes.has(id)) continue;
    const facts = await factsOf(store, objectKey(server, id as BackupId, 'tar.gz'));
    if (facts?.isFile() === true && facts.nlink > 1n) files.set(fileIdentity(facts), id);
  }
  if (files.size === 0) return found;
  for (const pack of packs.packs.keys()) {
    if (!stays(pack)) continue;
    const facts = await factsOf(store, packKey(server, pack));
    const id = facts === undefined ? undefined : files.get(fileIdentity(facts));
    if (id !== undefined) found.add(id);
  }
  return found;
}

async function factsOf(store: Pick<Store, 'localPath'>, key: ObjectKey): Promise<BigIntStats | undefined> {
  const path = store.localPath?.(key);
  if (path === undefined) return undefined;
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
