/** Where Roost is installed, and which files of the system follow from that. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageDirectory } from '../../base/package-directory.ts';
import { version } from '../version.ts';

/** Owned by dpkg, which brings unit, user and links. */
const DEBIAN_BASE = '/usr/lib/roost';

export interface Installation {
  /** The files of this version. */
  readonly directory: string;
  /** Where services and links find it, whatever its version. */
  readonly base: string;
  /** A link to make so that `base` leads to `directory`; absent where they are the same, as in a checkout. */
  readonly current?: { readonly path: string; readonly target: string };
  /** True: a package of the system brought the unit, the user and the command. */
  readonly packaged: boolean;
  /** True: npm made the link of the command; when something else replaces it, npm refuses the next upgrade. */
  readonly byNpm: boolean;
}

/**
 * @param root of the system that is set up; an installation inside of it is named as that system will see it.
 * @param directory of the files of this version, without links in its path.
 */
export function installation(root: string, directory = realpathSync(fileURLToPath(packageDirectory()))): Installation {
  const seen = (path: string): string => (root !== '/' && path.startsWith(`${root}/`) ? path.slice(root.length) : path);
  const above = dirname(directory);
  if (seen(above) === DEBIAN_BASE)
    return { directory, base: join(seen(above), 'current'), packaged: true, byNpm: false };
  // A tarball holds roost/<version>.
  if (basename(directory) !== version()) {
    return { directory, base: seen(directory), packaged: false, byNpm: basename(above) === 'node_modules' };
  }
  const path = join(above, 'current');
  return { directory, base: seen(path), current: { path, target: basename(directory) }, packaged: false, byNpm: false };
}

/** A file below systemd/, with the paths of this installation. */
export function systemdFile({ directory, base }: Installation, name: string): string {
  return readFileSync(join(directory, 'systemd', name), 'utf8').replaceAll('/opt/roost/', `${base}/`);
}

/** Manual pages and completions below share/, which a package has and a checkout does not. */
export function sharedFiles({ directory }: Installation): string[] {
  const share = join(directory, 'share');
  if (!existsSync(share)) return [];
  const entries = readdirSync(share, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(share, join(entry.parentPath, entry.name)))
    .sort();
}

export function configExample({ directory }: Installation): string {
  return readFileSync(join(directory, 'config.example.yml'), 'utf8');
}
