/** The row that a new backup begins with. */
import { newBackupId } from '../../base/ids.ts';
import { wireText } from '../../base/files/paths.ts';
import type { Catalogue, NewBackup } from '../../catalogue/contract.ts';
import { objectKey } from '../../storage/key.ts';
import type { CreateBackup } from '../contract.ts';

/** @param now in ms. */
export function newBackup(
  request: CreateBackup,
  store: string,
  now: number,
  { backups }: Pick<Catalogue, 'backups'>,
): NewBackup {
  const { server, id = newBackupId(), ignore = [], locked = false, origin } = request;
  const asked = request.name === undefined ? undefined : wireText(request.name);
  const name = asked ?? defaultName(now, backups.overview(server).recent);
  return {
    id,
    server,
    name,
    locked,
    ignore,
    store,
    key: objectKey(server, id, 'tar.gz'),
    origin,
    named: asked !== undefined,
  };
}

/** The day, and the time too where another of the server has that name. */
function defaultName(now: number, recent: readonly { readonly name: string }[]): string {
  const [day = '', time = ''] = new Date(now).toISOString().split(/[T.]/);
  const name = `Backup ${day}`;
  return recent.some((other) => other.name.startsWith(name)) ? `${name} ${time}` : name;
}
