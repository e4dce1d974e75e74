/** Takes plain archives that lie in a vault into it. */
import type { Failure } from '../../base/failure.ts';
import type { ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { BackupSummary } from '../../catalogue/records.ts';
import { objectKey, type ObjectKey } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';
import type { Vault } from '../../storage/vault-port.ts';
import type { VaultAdopted, VaultAdoption } from '../vault-contract.ts';
import type { OutcomeNotes } from './outcome.ts';

/** A server's part of a store whose archives share bytes. */
export interface Held {
  readonly store: Store;
  readonly vault: Vault;
  readonly server: ServerId;
}

interface Adopting {
  /** Get each archive that is taken in, and why another was not. */
  readonly notes: OutcomeNotes<VaultAdoption>;
  /** Says which would be taken in, and changes nothing. */
  readonly dryRun: boolean;
  readonly log: Log;
}

/** Tries all archives of a server, also behind one that fails. @returns what was done in total. */
export async function adoptPlain(
  { store, vault, server }: Held,
  records: readonly BackupSummary[],
  { notes, dryRun, log }: Adopting,
): Promise<VaultAdopted> {
  const part = { store: store.name, server };
  let [backups, bytes] = [0, 0];
  const failures: Failure[] = [];
  for (const { id: backup, size, sha256 } of records) {
    try {
      if (sha256 === null || !(await isPlain(store, objectKey(server, backup, 'tar.gz'), size))) continue;
      if (!dryRun && !(await vault.takeIn(server, backup, sha256))) continue;
      notes.add({ ...part, backup, size });
      backups++;
      bytes += size;
    } catch (error) {
      failures.push(notes.fail({ ...part, backup }, error, 'Cannot take the archive into the vault'));
    }
  }
  const [error] = failures;
  if (error !== undefined && !dryRun) {
    const facts = { ...part, failures: failures.length, error };
    log.error('Cannot take all plain archives of a server into the vault', facts);
  }
  return { ...part, backups, bytes, failures: failures.length };
}

/** True for an archive with a file of its own. */
async function isPlain(store: Store, key: ObjectKey, size: number): Promise<boolean> {
  if (store.localPath === undefined || (await store.stat(key))?.size !== size) return false;
  return (await store.partsOf?.(key)) === undefined;
}
