/** Checks the local stores; remote ones only through the daemon. Writes nothing. */
import { constants } from 'node:fs';
import { access, readdir, stat, statfs } from 'node:fs/promises';
import { asFailure, errnoOf } from '../../base/failure.ts';
import { formatBytes } from '../../base/sizes.ts';
import type { CatalogueFacts } from '../../catalogue/inspect.ts';
import type { Config, LocalStoreConfig } from '../../config/config.ts';
import { MARKER_NAME, readMarker } from '../../storage/local/marker.ts';
import { fault, fine, warning, type Finding } from './finding.ts';

/** With fewer free inodes, archives may fail although their bytes fit. */
const FEW_INODES = 1000;

/** @param reported the daemon's error per store, null for a usable one; undefined without a daemon. */
export async function checkStores(
  config: Config,
  catalogue: CatalogueFacts | undefined,
  reported: ReadonlyMap<string, string | null> | undefined,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, store] of Object.entries(config.storage.stores)) {
    const error = reported?.get(name);
    if (typeof error === 'string') {
      findings.push(fault('store', `The daemon cannot use the store "${name}": ${error}`, 'Its log says more.'));
    } else if (store.type === 'local') {
      findings.push(...(await checkLocal(name, store, catalogue?.markers.get(name), config.limits.reserveFree)));
    } else if (error === null) {
      findings.push(fine('store', `The store "${name}" answers the daemon`));
    } else {
      const hint = 'Ask again while the daemon runs: it says whether the bucket can be reached.';
      findings.push(warning('store', `The store "${name}" was not looked at`, hint));
    }
  }
  return findings;
}

/** Empty when no copy has failed. */
export function checkCopies(catalogue: CatalogueFacts | undefined): Finding[] {
  if (catalogue === undefined || catalogue.failedCopies === 0) return [];
  const hint = 'They are tried again every hour. The backups in question tell the reason for each copy.';
  return [warning('copies', `${catalogue.failedCopies} copies in further stores could not be made`, hint)];
}

async function checkLocal(
  name: string,
  { directory }: LocalStoreConfig,
  remembered: string | undefined,
  reserve: number,
): Promise<Finding[]> {
  try {
    const found = await readMarker(directory);
    const place = `the store "${name}" (${directory})`;
    if (remembered !== undefined && found !== remembered) {
      const state = found === undefined ? 'its marker is missing' : 'it is marked as another store';
      const hint = 'Is its disk mounted? Backups are refused until the right directory is there.';
      return [fault('store', `Cannot use ${place}: ${state}`, hint)];
    }
    if (found === undefined && (await holdsAnything(directory))) {
      const hint = 'Name an empty directory, or move those files away: only its own are ever in a store.';
      return [fault('store', `Cannot use ${place}: it is not marked, and holds other files`, hint)];
    }
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return await checkSpace(name, directory, reserve);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' && remembered === undefined) {
      return [fine('store', `The directory of the store "${name}" is made at the first start: ${directory}`)];
    }
    const { message, hint } = asFailure(error, `Cannot use the store "${name}" (${directory})`);
    return [fault('store', message, hint ?? 'Give the daemon’s user that directory (chown, chmod 700), or mount it.')];
  }
}

async function checkSpace(name: string, directory: string, reserve: number): Promise<Finding[]> {
  const { bavail, bsize, files, ffree } = await statfs(directory);
  const free = bavail * bsize;
  const space = `The store "${name}" has ${formatBytes(free)} free`;
  const findings: Finding[] = [];
  const mend = 'Delete old backups, set retention, or enlarge that disk; limits.reserve_free is what stays free.';
  if (free <= reserve) findings.push(fault('space', `${space}, not more than its reserve: backups are refused`, mend));
  else if (free < reserve * 2) findings.push(warning('space', `${space}, less than twice its reserve`, mend));
  if (files > 0 && ffree < FEW_INODES) {
    const hint = 'Remove unneeded files from that disk.';
    findings.push(fault('space', `The disk of the store "${name}" has ${ffree} inodes left`, hint));
  }
  const { mode } = await stat(directory);
  if ((mode & 0o077) !== 0) {
    const hint = `chmod 700 ${directory}, unless you share it on purpose: archives hold whole servers.`;
    findings.push(warning('store', `Others may look into the store "${name}"`, hint));
  }
  return findings.length > 0 ? findings : [fine('store', space)];
}

async function holdsAnything(directory: string): Promise<boolean> {
  const names = await readdir(directory);
  return names.some((name) => name !== 'lost+found' && name !== `${MARKER_NAME}.new` && !/^[0-9a-f-]{36}$/.test(name));
}
