/** The part of the unit that follows from the config: which directories the daemon may write. */
import { Failure } from '../../base/failure.ts';
import type { Config } from '../../config/config.ts';

/** The unit names it as StateDirectory=. */
const STATE_DIRECTORY = '/var/lib/roost';
/** ProtectHome= hides these or makes them read-only, even where ReadWritePaths= names them. */
const HOMES = ['/home', '/root', '/run/user'];

/**
 * A drop-in for roost.service. Each directory may be missing at the start of the service.
 *
 * @throws Failure `invalid_request` for a directory that a unit cannot name.
 */
export function dropIn(config: Config): string {
  const paths = writtenPaths(config);
  const homes = paths.filter((path) => HOMES.some((home) => isInside(path, home)));
  return [
    '# Made by "roost setup" from the directories that the config names. After a change of them: roost setup, then',
    '# systemctl restart roost. Other settings belong in a drop-in of another name: systemctl edit roost.',
    '[Service]',
    ...paths.map((path) => `ReadWritePaths=${quotedPath(path)}`),
    ...(homes.length > 0 ? ['ProtectHome=no'] : []),
    '',
  ].join('\n');
}

/** The directories of servers, of local stores and of the state that lie outside of the unit's StateDirectory=. */
export function writtenPaths({ servers, storage, stateDirectory, panel }: Config): string[] {
  const stores = Object.values(storage.stores).flatMap((store) => (store.type === 'local' ? [store.directory] : []));
  const listed = servers.list.map(({ path }) => path);
  const all = [...(servers.root === null ? [] : [servers.root]), ...listed, ...stores, stateDirectory];
  const outside = [...all, ...panel.backupDirectories].filter((path) => !isInside(path, STATE_DIRECTORY));
  return [...new Set(outside)].sort();
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** As systemd.unit(5) wants it: `%` begins a specifier; "-" allows that the path is missing. */
export function quotedPath(path: string): string {
  if (/\p{Cc}/u.test(path)) {
    throw new Failure('invalid_request', `Cannot let the service write ${JSON.stringify(path)}`, {
      hint: 'A name with control characters cannot be written in a unit: name another directory in the config.',
    });
  }
  return `"-${path.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`;
}
