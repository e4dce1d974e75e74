/** The user that the service runs as. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { errnoOf, Failure } from '../../base/failure.ts';
import type { Step } from './step.ts';

export const USER = 'roost';
const HOME = '/var/lib/roost';
const SHELL = '/usr/sbin/nologin';

/** @param root of the system that gets the user; '/' is this one. */
export function user(root: string): Step {
  const run = (): Promise<void> => Promise.resolve(makeUser(root));
  return {
    what: `user ${USER}`,
    why: 'the service runs as it',
    todo: userIds(root) === undefined ? 'make' : '',
    run,
  };
}

/** Its numbers in /etc/passwd; undefined without such a user. */
export function userIds(root: string): { uid: number; gid: number } | undefined {
  const path = join(root, 'etc/passwd');
  const lines = fs.existsSync(path) ? fs.readFileSync(path, 'utf8').split('\n') : [];
  const [, , uid, gid] = lines.find((line) => line.startsWith(`${USER}:`))?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** By systemd-sysusers, which reads the file in sysusers.d; where that is missing, by useradd. */
function makeUser(root: string): void {
  // Both may lie in directories that are not in the PATH of a shell that sudo or su started.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin` };
  const line = `u ${USER} - "Roost, backups of game servers" ${HOME} ${SHELL}`;
  const words = ['--system', '--user-group', '--no-create-home', '--home-dir', HOME, '--shell', SHELL, USER];
  for (const [program, argv] of [
    ['systemd-sysusers', [`--root=${root}`, '--inline', line]],
    ['useradd', [...(root === '/' ? [] : ['--root', root]), ...words]],
  ] as const) {
    try {
      execFileSync(program, argv, { env, stdio: ['ignore', 'ignore', 'pipe'] });
      return;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') continue;
      const said = (error as { readonly stderr?: Buffer }).stderr?.toString().trim() ?? '';
      throw new Failure('internal', `Cannot make the user ${USER}: ${program}: ${said}`);
    }
  }
  throw new Failure('internal', `Cannot make the user ${USER}: neither systemd-sysusers nor useradd is there`, {
    hint: `Make it by hand: a system user ${USER} with a group of its name, and run this again.`,
  });
}
