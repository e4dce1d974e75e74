/** Checks the local stores; remote ones only through the daemon. Writes nothing. */
import { constants } from 'node:fs';
import { access, readdir, stat, statfs } from 'node:fs/promises';
import { asFailure, errnoOf } from '../../base/failure.ts';
import type { CatalogueFacts } from '../../catalogue/inspect.ts';
import type { Config, LocalStoreConfig } from '../../config/config.ts';
import { MARKER_NAME, readMarker } from '../../storage/local/marker.ts';
import { fault, fine, warning, type Finding } from '../../base/finding.ts';
import { checkSpace } from '../../policy/health/space.ts';

export async function checkStores(config: Config, catalogue: CatalogueFacts | undefined): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, store] of Object.entries(config.storage.stores)) {
    if (store.type === 'local') {
      findings.push(...(await checkLocal(name, store, catalogue?.markers.get(name), config.limits.reserveFree)));
    } else {
      const hint = 'Ask again while the daemon runs: it says whether the bucket can be reached.';
      findings.push(warning('store', `The store "${name}" was not looked at`, hint));
    }
  }
  return findings;
}

/** Local stores that other users may read; one that cannot be looked at is told elsewhere. */
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
    return await checkDisk(name, directory, reserve);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' && remembered === undefined) {
      return [fine('store', `The directory of the store "${name}" is made at the first start: ${directory}`)];
    }
    const { message, hint } = asFailure(error, `Cannot use the store "${name}" (${directory})`);
    return [fault('store', message, hint ?? 'Give the daemon’s user that directory (chown, chmod 700), or mount it.')];
  }
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

async function holdsAnything(directory: string): Promise<boolean> {
  const names = await readdir(directory);
  return names.some((name) => name !== 'lost+found' && name !== `${MARKER_NAME}.new` && !/^[0-9a-f-]{36}$/.test(name));
}
