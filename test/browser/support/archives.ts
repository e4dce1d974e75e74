/** Backups that a test makes, and what their archives hold, by tar and diff. */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Node } from './visitor.ts';

/** @returns its id. */
export async function backUp(node: Node): Promise<string> {
  const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
  return (body as { id: string }).id;
}

/** Unpacks the archive of a backup. @returns where. */
export function unpacked(node: Node, id: string): string {
  const into = join(node.host.directory, `unpacked-${id}`);
  mkdirSync(into);
  const { status } = spawnSync('tar', ['-xpzf', join(node.host.backups, node.server, `${id}.tar.gz`), '-C', into]);
  expect(status).toBe(0);
  return into;
}

/** As the page says it: each path by what became of it, from what `diff -r` says. */
export function differences(from: string, to: string): string[] {
  const { stdout } = spawnSync('diff', ['-rq', '--no-dereference', from, to], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [, directory, name = ''] = /^Only in ([^:]+): (.+)$/.exec(line) ?? [];
      if (directory !== undefined) {
        const isGone = directory === from || directory.startsWith(`${from}/`);
        const root = isGone ? from : to;
        return pathsBelow(root, `${directory}/${name}`.slice(root.length + 1)).map(
          (path) => `${isGone ? 'deleted' : 'added'}${path}`,
        );
      }
      const [, path = ''] = /^(?:Files|Symbolic links|File) (.+?) (?:and|is a)/.exec(line) ?? [];
      return `changed${path.slice(from.length + 1)}`;
    })
    .sort();
}

/** A path and all that is below it; directories with a slash at their end. */
export function pathsBelow(root: string, path: string): string[] {
  if (!lstatSync(join(root, path)).isDirectory()) return [path];
  return [`${path}/`, ...readdirSync(join(root, path)).flatMap((name) => pathsBelow(root, `${path}/${name}`))];
}
