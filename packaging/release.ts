/** What a build is called and dated: both follow from the commit alone, so that each build of it is the same. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Release {
  /** The version in package.json; with the commit's time and name behind it where the commit has no tag of it. */
  readonly version: string;
  /** Time of the commit, in seconds. */
  readonly epoch: number;
}

/** @throws Error outside a checkout. */
export function releaseOf(root: string): Release {
  const git = (...words: string[]): string => execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
  const epoch = Number(git('log', '-1', '--format=%ct'));
  const changed = git('status', '--porcelain') !== '';
  const tagged = git('tag', '--points-at', 'HEAD').split('\n').includes(`v${version}`);
  if (tagged && !changed) return { version, epoch };
  const time = new Date(epoch * 1000).toISOString().replace(/\D/g, '').slice(0, 14);
  const commit = git('rev-parse', '--short=12', 'HEAD');
  return { version: `${version}+${time}.${commit}${changed ? '.changed' : ''}`, epoch };
}
