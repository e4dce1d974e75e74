/** Keys of what makes up an archive of a vault. */
import type { BackupId, ServerId } from '../../base/ids.ts';
import { type KeyParts, keyParts, objectKey, type ObjectKey, parseKey } from '../key.ts';

/** The parts of an archive's key; undefined for any other object's. */
export function archiveParts(key: ObjectKey): KeyParts | undefined {
  const parts = keyParts(parseKey(key));
  return parts?.kind === 'tar.gz' ? parts : undefined;
}

export function recipeKey({ server, backup }: KeyParts): ObjectKey {
  return objectKey(server, backup, 'recipe');
}

export function packKey(server: ServerId, pack: string): ObjectKey {
  return objectKey(server, pack as BackupId, 'pack');
}
