import { execFileSync } from 'node:child_process';
import type { Release } from './release.ts';

/**
 * Packs `name` of `directory`, the same bytes from the same files: order, owners and times are fixed.
 *
 * @param name becomes the first part of each name in the archive.
 */
export function packTarball(file: string, directory: string, name: string, { epoch }: Release): void {
  const fixed = [
    '--sort=name',
    '--format=gnu',
    '--mode=u=rwX,go=rX',
    `--mtime=@${epoch}`,
    '--owner=0',
    '--group=0',
    '--numeric-owner',
  ];
  execFileSync('tar', [
    '--create',
    `--file=${file}`,
    '--use-compress-program=gzip -n -6',
    ...fixed,
    '-C',
    directory,
    name,
  ]);
}
