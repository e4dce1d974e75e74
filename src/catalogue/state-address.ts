/**
 * The address at which the daemon of a state directory serves, for commands of the same host: `--port` and port 0 make it
 * another than the config's.
 *
 * Order: forgotten once the lock is held, written once requests are answered, forgotten before the lock is released. A
 * crash leaves it behind; it counts only while the lock is held, since the port may be another program's by then, and
 * a command would give that program its token.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../base/failure.ts';
import { isStateLocked } from './state-lock.ts';

const NAME = 'address';
const MAX_BYTES = 512;

/** @throws the system error, such as on a full disk: the daemon serves without it. */
export function writeAddress(stateDirectory: string, url: string): void {
  const path = join(stateDirectory, NAME);
  const partial = `${path}.partial`;
  fs.writeFileSync(partial, `${url}\n`, { mode: 0o600 });
  fs.renameSync(partial, path);
}

export function forgetAddress(stateDirectory: string): void {
  attempt(() => fs.rmSync(join(stateDirectory, NAME), { force: true }));
}

/** Undefined where no daemon runs, or where this user may not see the state directory. */
export function readAddress(stateDirectory: string): URL | undefined {
  return attempt(() => {
    const path = join(stateDirectory, NAME);
    const stats = fs.lstatSync(path);
    if (!stats.isFile() || stats.size > MAX_BYTES || !isStateLocked(stateDirectory)) return undefined;
    const url = URL.parse(fs.readFileSync(path, 'utf8').trim());
    return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
  });
}
