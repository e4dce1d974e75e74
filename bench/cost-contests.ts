/** How the cost of a backup grows, and the floors: what reading, hashing and writing the same bytes costs here. */
import { join } from 'node:path';
import { formatBytes } from '../src/base/sizes.ts';
import { enginesOf, roostFirst } from './archive-contests.ts';
import type { Contender, Contest } from './contest.ts';
import { quoted, run } from './measure.ts';
import { freshDirectory, type Scene } from './scene.ts';
import { makeServer, makeSmallFiles, type Tree } from './tree.ts';

export const FLOOR_ROUNDS = 3;

/** What stands for a tree that has no daemon as well. */
type Place = Pick<Scene, 'archive' | 'scratch' | 'tree' | 'peers' | 'trash'>;

export function floorContests(scene: Place): Contest[] {
  const { archive, scratch, tree, peers, trash } = scene;
  const file = quoted(archive);
  const from = quoted(tree.directory);
  const read = `find ${from} -type f -print0 | xargs -0 cat`;
  const line = (name: string, command: string): Contender => ({
    name,
    prepare: async () => {
      await trash.settled();
      freshDirectory(scratch, 'out');
    },
    run: () => run(command, scratch),
    after: () => trash.discard(join(scratch, 'out')),
  });
  const out = quoted(join(scratch, 'out/copy'));
  const lines = [
    line('read the tree', `${read} > /dev/null`),
    line('sha256 of the archive', `sha256sum ${file}`),
    ...(peers.has.has('openssl') ? [line('sha256 of the archive (openssl)', `openssl dgst -sha256 ${file}`)] : []),
    ...(peers.has.has('igzip') ? [line('deflate the tree (igzip -1)', `${read} | igzip -1 > /dev/null`)] : []),
    line('write the archive', `cat ${file} > ${out}`),
    line('write the archive, flushed', `cat ${file} > ${out} && sync ${out}`),
    line('copy the tree', `cp -a ${from} ${out}`),
    line('copy the tree, flushed', `cp -a ${from} ${out} && sync -f ${out}`),
    ...(peers.has.has('igzip') ? [line('inflate the archive (igzip)', `igzip -dc ${file} > /dev/null`)] : []),
  ];
  return [{ part: 'floor', work: 'floor', bytes: tree.bytes, contenders: lines, rounds: FLOOR_ROUNDS }];
}

/** First backups of trees that grow in bytes, in files, and with more workers. */
export function growthContests(scene: Scene, size: number, files: number): Contest[] {
  const { scratch } = scene;
  const smaller = [size / 4, size / 2].map((bytes, at) => makeServer(join(scratch, `bytes-${at}`), bytes));
  const fewer = [files / 4, files / 2].map((count, at) => makeSmallFiles(join(scratch, `files-${at}`), count));
  const contender = (tree: Tree, name: string, more = ''): Contender[] =>
    enginesOf(scene).map((engine) =>
      roostFirst({ ...scene, tree }, engine, { name: `${name}, ${engine}`, place: 'growth', more }),
    );
  const contest = (work: string, contenders: readonly Contender[]): Contest => ({
    part: 'growth',
    work,
    bytes: 0,
    contenders,
    rounds: FLOOR_ROUNDS,
  });
  return [
    contest(
      'backup, by bytes',
      [...smaller, scene.tree].flatMap((tree) => contender(tree, formatBytes(tree.bytes))),
    ),
    contest(
      'backup, by files of 1 KiB',
      fewer.flatMap((tree) => contender(tree, String(tree.files.length))),
    ),
    contest(
      'backup, by workers',
      [1, 2, 4].flatMap((workers) => contender(scene.tree, String(workers), `--workers ${workers}`)),
    ),
  ];
}
