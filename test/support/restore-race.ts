/** Restores a server again and again while another process swaps its directories for links that lead out of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { restoreNode } from './restore-scene.ts';
import { directory, file, makeTree, manifestAt, manifestOf, treeOf } from './tree.ts';
import { archiveOf } from './tree-archive.ts';

const RACER = fileURLToPath(new URL('symlink-racer.ts', import.meta.url));

const TREE = treeOf({
  'a.txt': file('restored'),
  world: directory(0o750),
  'world/level.dat': file('restored'),
  'world/region': directory(0o711),
  'world/region/r.0.0.mca': file('restored'),
  plugins: directory(0o700),
  'plugins/config': directory(),
  'plugins/config/a.yml': file('restored'),
});

/** What a link leads to: each path of the tree is there too, so that a step through a link would do something. */
const OUTSIDE = treeOf({
  'a.txt': file('not yours', 0o600),
  'level.dat': file('not yours', 0o600),
  region: directory(0o500, 1_111_111_111),
  'region/r.0.0.mca': file('not yours', 0o600),
  config: directory(0o500, 1_111_111_111),
  'config/a.yml': file('not yours', 0o600),
});

export async function raceRestores(times: number): Promise<void> {
  const node = await restoreNode();
  const outside = join(node.root, 'outside');
  fs.mkdirSync(outside, { mode: 0o700 });
  makeTree(outside, OUTSIDE);
  const untouched = [...manifestAt(outside), String(fs.statSync(outside).mode)];
  node.setLive(TREE);
  node.archive = archiveOf(TREE);
  const racer = spawn(process.execPath, [
    RACER,
    node.live,
    outside,
    'world',
    'world/region',
    'plugins',
    'plugins/config',
  ]);
  onTestFinished(() => void racer.kill('SIGKILL'));
  await once(racer.stdout, 'data');
  const outcomes = new Map<string, number>();
  for (let time = 0; time < times; time++) {
    const request = time % 3 === 0 ? { truncate: true } : { truncate: time % 3 === 1, paths: ['world/**', 'plugins'] };
    const outcome = await node.restore(request);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    expect([...manifestAt(outside), String(fs.statSync(outside).mode)]).toEqual(untouched);
  }
  racer.kill('SIGKILL');
  await once(racer, 'exit');
  expect([...outcomes.keys()].filter((outcome) => outcome !== 'done' && outcome !== 'server_busy')).toEqual([]);
  await node.restore({ truncate: true });
  expect(node.manifest()).toEqual(manifestOf(TREE));
}
