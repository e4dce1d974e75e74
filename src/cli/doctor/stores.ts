/** Checks the local stores; remote ones only through the daemon. Writes nothing. */
import { requireAccess } from '../../base/files/access.ts';
import { constants } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { asFailure, errnoOf } from '../../base/failure.ts';
import type { CatalogueFacts } from '../../catalogue/inspect.ts';
import type { Config, LocalStoreConfig } from '../../config/config.ts';
import { isStateLocked } from '../../catalogue/state-lock.ts';
import { inspectLocalStore } from '../../storage/local/inspect.ts';
import { inspectVaultDisk, type VaultDisk } from '../../storage/vault/inspect.ts';
import { fault, fine, warning, type Finding } from '../../base/finding.ts';
import { checkSpace } from '../../policy/health/space.ts';

export async function checkStores(config: Config, catalogue: CatalogueFacts | undefined): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, store] of Object.entries(config.storage.stores)) {
    if (store.type === 'local') {
      findings.push(...(await checkLocal(config, name, store, catalogue?.markers.get(name))));
    } else {
      const hint = 'Ask again while the daemon runs: it says whether the bucket can be reached.';
      findings.push(warning('store', `The store "${name}" was not looked at`, hint));
    }
  }
  return findings;
}

/** Finds local stores that other users may read. A store that cannot be read here is reported by another check. */
export async function checkReadable({ storage }: Pick<Config, 'storage'>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, store] of Object.entries(storage.stores)) {
    if (store.type !== 'local') continue;
    const mode = await stat(store.directory).then(
      (found) => found.mode,
      () => 0,
    );
    if ((mode & 0o077) !== 0) findings.push(readable(name, store.directory));
  }
  return findings;
}

/**
 * Looks at what local vaults cannot do: redirect downloads, and what their disks do not support. A vault that is not there yet,
 * or cannot be read here, is reported by another check.
 */
export async function checkVaults({ storage }: Pick<Config, 'storage'>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, store] of Object.entries(storage.stores)) {
    if (store.type !== 'local' || store.layout !== 'vault') continue;
    if (name === storage.default) findings.push(...judgeRedirects(name, storage));
    const disk = await inspectVaultDisk(store.directory).catch(() => undefined);
    if (disk !== undefined) findings.push(...judgeVaultDisk(name, disk));
  }
  return findings;
}

async function checkLocal(
  { limits, stateDirectory }: Config,
  name: string,
  store: LocalStoreConfig,
  remembered: string | undefined,
): Promise<Finding[]> {
  const { directory } = store;
  try {
    const { isOccupied, isLocked, refusal } = await inspectLocalStore(name, store, stateDirectory, remembered);
    const place = `the store "${name}" (${directory})`;
    if (refusal !== undefined) return [fault('store', `Cannot use ${place}: ${refusal.state}`, refusal.hint)];
    if (isLocked && !isStateLocked(stateDirectory)) {
      const hint = 'Stop the other one, or give this one a directory of its own: two never share one.';
      return [fault('store', `Cannot use ${place}: another Roost uses it now`, hint)];
    }
    if (isOccupied) {
      const hint = 'Name an empty directory, or move those files away: only its own are ever in a store.';
      return [fault('store', `Cannot use ${place}: it is not marked, and holds other files`, hint)];
    }
    await requireAccess(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return await checkDisk(name, directory, limits.reserveFree);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' && remembered === undefined) {
      return [fine('store', `The directory of the store "${name}" is made at the first start: ${directory}`)];
    }
    const { message, hint } = asFailure(error, `Cannot use the store "${name}" (${directory})`);
    return [fault('store', message, hint ?? 'Give the daemon’s user that directory (chown, chmod 700), or mount it.')];
  }
}

/** Warns of buckets that are to serve downloads when the backups lie in a vault, which has no object to redirect to. */
function judgeRedirects(vault: string, { stores }: Config['storage']): readonly Finding[] {
  const buckets = Object.entries(stores).filter(([, store]) => store.type === 's3' && store.download === 'redirect');
  const hint =
    'Only backups that lie in a bucket are redirected, not copies: leave "download: redirect" out (docs/vault.md).';
  return buckets.map(([bucket]) =>
    warning(
      'store',
      `Downloads from the vault "${vault}" are served by the daemon, not by the bucket "${bucket}"`,
      hint,
    ),
  );
}

/** Warns of functions of a vault that its disk does not support. */
export function judgeVaultDisk(name: string, { freesHoles, rotates }: VaultDisk): readonly Finding[] {
  const findings: Finding[] = [];
  if (!freesHoles) {
    const hint =
      'Keep room for one more archive of the largest server, or put the vault on ext4 or XFS (docs/vault.md).';
    findings.push(warning('store', `The disk of the vault "${name}" gives space back by moving bytes alone`, hint));
  }
  if (rotates === true) {
    const hint = 'Set vault: { shortest_range: 64KiB } there: archives then lie in fewer pieces (docs/vault.md).';
    findings.push(
      warning('store', `The vault "${name}" lies on a disk that rotates: old backups are read slowly`, hint),
    );
  }
  return findings;
}

async function checkDisk(name: string, directory: string, reserve: number): Promise<Finding[]> {
  const { bavail, bsize, files, ffree } = await statfs(directory);
  const findings = checkSpace(name, bavail * bsize, files > 0 ? ffree : null, reserve);
  const { mode } = await stat(directory);
  if ((mode & 0o077) === 0) return findings;
  return [...findings.filter(({ level }) => level !== 'ok'), readable(name, directory)];
}

function readable(name: string, directory: string): Finding {
  const hint = `chmod 700 ${directory}, unless you share it on purpose: archives hold whole servers.`;
  return warning('store', `Others may look into the store "${name}"`, hint);
}
