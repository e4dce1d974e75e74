/**
 * Where objects lie in a local store:
 *
 *   <directory>/.roost-store                            the marker (marker.ts)
 *   <directory>/<server>/<backup>.tar.gz|index|json     objects, 0600, in directories of 0700
 *   <directory>/<server>/.<backup>.tar.gz.partial-<hex> an unfinished object, or what a crash left of one; the first half
 *                                                       of the hexadecimal digits says which node writes it
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isUuid } from '../../base/ids.ts';
import { keyParts, type ObjectKey, parseKey } from '../key.ts';

export const DIRECTORY_MODE = 0o700;
export const FILE_MODE = 0o600;

const PARTIAL = /^\.(.+)\.partial-[0-9a-f]{16}$/;

export function pathOf(directory: string, key: ObjectKey): string {
  return join(directory, key);
}

/** The temporary name, beside the final one, of an object that is being written. @param node eight hexadecimal digits. */
export function partialPath(directory: string, key: ObjectKey, node: string | undefined): string {
  const [server = '', name = ''] = key.split('/');
  const random = randomBytes(8).toString('hex');
  return join(directory, server, `.${name}.partial-${node ?? random.slice(0, 8)}${random.slice(8)}`);
}

/** True for the name of a partial file that this node wrote. */
export function isPartialOf(node: string, name: string): boolean {
  return name.slice(-16, -8) === node;
}

/** The key of the object that a partial file in that server's directory becomes; undefined for any other name. */
export function partialKey(server: string, name: string): ObjectKey | undefined {
  const final = PARTIAL.exec(name)?.[1];
  return final === undefined || keyParts(`${server}/${final}`) === undefined
    ? undefined
    : parseKey(`${server}/${final}`);
}

/**
 * True for the name of an archive that a daemon of the Wings family left directly in the store's directory, which Roost
 * may share. Such files are never listed, swept or replaced.
 */
export function isFlatArchive(name: string): boolean {
  const [, id = ''] = /^([^.]+)\.(?:s3\.)?(?:tar(?:\.(?:gz|xz|bz2|lz|lz4|zst))?|zip|7z)$/.exec(name) ?? [];
  return isUuid(id);
}

/** True for a name that a server's directory in the store can have. */
export function isServerName(name: string): boolean {
  return isUuid(name);
}
