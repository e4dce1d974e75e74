/** A restore of chosen paths against GNU tar, which unpacks the same names from the same archive. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { wirePath } from '../../src/base/files/paths.ts';
import { archivePort } from '../../src/jobs/stored/archive-port.ts';
import { fetched, realArchive } from './real-archive.ts';
import { restoreNode } from './restore-scene.ts';
import { clearDirectory, directory, file, readTree, symlink, type Tree, type TreeNode } from './tree.ts';

/** What globs, shells, options, lists of names and terminals read as something else. */
const PIECES = [
  ...'ab?!#\\@-~.: \n\t\r\xe4\xff\x1b"\''.split(''),
  ...'* ** [a] [!a] {a,b} {1..3} \\x41 (a|b) +(a) -- \xc3\xa9 .. $a %41'.split(' '),
];

const names = fc
  .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 3 })
  .map((pieces) => pieces.join(''))
  .filter((name) => name !== '.' && name !== '..');

interface Branch {
  readonly [name: string]: string | Branch | null;
}

const { branch } = fc.letrec<{ branch: Branch }>((tie) => ({
  branch: fc.dictionary(
    names,
    fc.oneof({ maxDepth: 3 }, fc.constantFrom('x', 'yy', ''), fc.constant(null), tie('branch')),
    { maxKeys: 5, noNullPrototype: true },
  ),
}));

/** A tree, and some of its paths. */
export const treesAndPaths = branch
  .map((root) => new Map(nodesIn(root, '')))
  .filter((tree) => tree.size > 0)
  .chain((tree) =>
    fc.record({
      tree: fc.constant(tree),
      paths: fc.subarray([...tree.keys()], { minLength: 1, maxLength: Math.min(4, tree.size) }),
    }),
  );

function nodesIn(branch: Branch, above: string): [string, TreeNode][] {
  return Object.entries(branch).flatMap(([name, below]): [string, TreeNode][] => {
    const path = `${above}${name}`;
    if (below === null) return [[path, symlink('a')]];
    if (typeof below === 'string') return [[path, file(below)]];
    return ([[path, directory()]] as [string, TreeNode][]).concat(nodesIn(below, `${path}/`));
  });
}

/** Restores these paths both ways into empty directories. */
export async function openOracle() {
  const node = await restoreNode({ archive: archivePort });
  const unpacked = join(node.root, 'tar');
  fs.mkdirSync(unpacked);
  return async function both(tree: Tree, paths: readonly string[], indexed: boolean) {
    const real = await realArchive(tree);
    node.setLive(new Map());
    node.archive = fetched(real, { indexed });
    const outcome = await node.restore({ paths: paths.map(wirePath), truncate: true });
    clearDirectory(unpacked);
    const list = join(node.root, 'names');
    const archive = join(node.root, 'archive.tar.gz');
    // GNU tar does not find a name below another that it has unpacked already.
    const outermost = paths.filter((path) => !paths.some((other) => path.startsWith(`${other}/`)));
    fs.writeFileSync(list, outermost.map((path) => `${path}\0`).join(''), 'latin1');
    fs.writeFileSync(archive, real.archive);
    const options = ['--null', '--verbatim-files-from', '--no-unquote', `--files-from=${list}`];
    execFileSync('tar', ['-xzf', archive, '-C', unpacked, ...options], { stdio: 'pipe' });
    return { outcome, restored: shapeOf(readTree(node.live)), wanted: shapeOf(readTree(unpacked)) };
  };
}

/** Directories on the way to a name have no entry of their own in what is asked for, so times and modes are left out. */
function shapeOf(tree: Tree): string[] {
  return [...tree].map(([path, node]) => {
    const content = node.kind === 'file' ? node.content : node.kind === 'symlink' ? node.target : '';
    return JSON.stringify([path, node.kind, content]);
  });
}
