/**
 * Looks at the index beside an archive that was just found whole, and replaces a damaged or missing one by the same bytes
 * from another store that has the backup.
 *
 * The archive needs none: without its index it is restored as well, read through from its start. Alone it cannot give it
 * back, since where its segments end, and the keys by which the next backup takes them over, stand in the index only.
 */
import { asFailure, Failure } from '../../base/failure.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import { objectKey } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';
import type { IndexFinding } from '../event-data.ts';
import { copyObject } from '../stored/copy-object.ts';
import { readDigest } from '../stored/digests.ts';
import { protectObjects } from '../stored/manifests.ts';
import { copiesOf } from '../stored/readable-copy.ts';
import type { StoreSet } from '../stored/stores.ts';

export interface IndexCheckDeps {
  readonly catalogue: Pick<Catalogue, 'copies'>;
  readonly stores: StoreSet;
  readonly log: Log;
}

const DOING = 'Cannot take the index of an archive from another store';

/**
 * @param name of the store whose archive was found whole.
 * @returns undefined where the index is the one that was made with the backup, none is recorded, or it cannot be read now:
 *   what is known of the archive stands.
 * @throws Failure `cancelled`.
 */
export async function checkIndex(
  record: BackupRecord,
  name: string,
  deps: IndexCheckDeps,
  signal: AbortSignal,
): Promise<IndexFinding | undefined> {
  const { indexSha256 } = record;
  if (indexSha256 === null) return undefined;
  const about = { backup: record.id, store: name };
  try {
    const store = deps.stores.get(name);
    const found = await stateOf(store, record, signal);
    if (found === undefined) return undefined;
    const takenFrom = await takeFromOthers(store, { ...record, indexSha256 }, deps, signal);
    deps.log.warn('The index of an archive is not the one that was made with it; the archive is whole', {
      ...about,
      found,
      takenFrom,
    });
    return { found, ...(takenFrom === undefined ? {} : { takenFrom }) };
  } catch (error) {
    const failure = asFailure(error, 'Cannot look at the index of an archive');
    if (failure.code === 'cancelled' || signal.aborted) throw failure;
    deps.log.warn('Cannot look at the index of an archive', { ...about, error: failure });
    return undefined;
  }
}

/** Reads it again: bytes that a failing disk has turned over leave the file's identity as it was. */
async function stateOf(
  store: Store,
  { server, id, indexSha256 }: BackupRecord,
  signal: AbortSignal,
): Promise<IndexFinding['found'] | undefined> {
  const key = objectKey(server, id, 'index');
  if ((await store.stat(key)) === undefined) return 'missing';
  const source = await store.open(key);
  try {
    return (await readDigest(source, signal)) === indexSha256 ? undefined : 'damaged';
  } catch (error) {
    if (error instanceof Failure && error.code === 'archive_damaged') return 'damaged';
    throw error;
  } finally {
    await source.close();
  }
}

type WithIndex = BackupRecord & { readonly indexSha256: string };

/** @returns the store that it was taken from. @throws Failure `cancelled`. */
async function takeFromOthers(
  into: Store,
  record: WithIndex,
  deps: IndexCheckDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const name of [record.store, ...copiesOf(record, deps)]) {
    if (name === into.name) continue;
    try {
      await take(deps.stores.get(name), into, record, signal);
      return name;
    } catch (error) {
      const failure = asFailure(error, DOING);
      if (failure.code === 'cancelled' || signal.aborted) throw failure;
      deps.log.warn(DOING, { backup: record.id, store: name, error: failure });
    }
  }
  return undefined;
}

/** What is there stays until all bytes are known to be the right ones. */
async function take(from: Store, into: Store, record: WithIndex, signal: AbortSignal): Promise<void> {
  const key = objectKey(record.server, record.id, 'index');
  const check = (found: string): void => {
    if (found !== record.indexSha256) throw new Failure('archive_damaged', `${DOING}: it is another there`);
  };
  await copyObject(await from.open(key), into, { key, doing: DOING, check }, signal);
  await protectObjects(into, record);
}
