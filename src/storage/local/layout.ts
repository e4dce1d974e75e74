/**
 * Where objects lie in a local store:
 *
 *   <directory>/.roost-store                            the marker (marker.ts)
 *   <directory>/<server>/<backup>.tar.gz|index|json     objects, 0600, in directories of 0700
 *   <directory>/<server>/.<backup>.tar.gz.partial-<hex> an unfinished object, or what a crash left of one
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isUuid } from '../../base/ids.ts';
import { keyParts, type ObjectKey } from '../key.ts';

export const DIRECTORY_MODE = 0o700;
export const FILE_MODE = 0o600;

const PARTIAL = /^\.(.+)\.partial-[0-9a-f]{16}$/;

export function pathOf(directory: string, key: ObjectKey): string {
  return join(directory, key);
}

/** The temporary name, beside the final one, of an object that is being written. */
export function partialPath(directory: string, key: ObjectKey): string {
  const [server = '', name = ''] = key.split('/');
  return join(directory, server, `.${name}.partial-${randomBytes(8).toString('hex')}`);
}

/** True for a file name of `partialPath` whose object could belong to that server. */
export function isPartialName(server: string, name: string): boolean {
  const final = PARTIAL.exec(name)?.[1];
  return final !== undefined && keyParts(`${server}/${final}`) !== undefined;
}

/**
 * True for the name of an archive that a daemon of the Wings family left directly in the store's directory, which Roost
 * may share. Such files are never listed, swept or replaced.
 */
export function isFlatArchive(name: string): boolean {
  const [, id = ''] = /^([^.]+)\.(?:s3\.)?(?:tar(?:\.(?:gz|xz|bz2|lz|lz4|zst))?|zip|7z)$/.exec(name) ?? [];
  return isUuid(id);
}

/** True when a directory of that name may be Roost's. */
export function isServerName(name: string): boolean {
  return isUuid(name);
}
