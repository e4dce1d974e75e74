/**
 * Trees as data: made on the disk, read back, and generated. Paths are byte strings; times whole seconds, so that what
 * an archive keeps and what a disk has can be compared.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import * as fc from 'fast-check';

export type TreeNode =
  | { readonly kind: 'file'; readonly mode: number; readonly mtime: number; readonly content: string }
  | { readonly kind: 'directory'; readonly mode: number; readonly mtime: number }
  | { readonly kind: 'symlink'; readonly target: string };

/** Every path of a tree but the root's, parents included. */
export type Tree = ReadonlyMap<string, TreeNode>;

export function file(content: string, mode = 0o644, mtime = 1_700_000_000): TreeNode {
  return { kind: 'file', mode, mtime, content };
}

export function directory(mode = 0o755, mtime = 1_700_000_001): TreeNode {
  return { kind: 'directory', mode, mtime };
}

export function symlink(target: string): TreeNode {
  return { kind: 'symlink', target };
}

export function treeOf(nodes: Readonly<Record<string, TreeNode>>): Tree {
  return new Map(Object.entries(nodes));
}

function bytes(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
}

/** Makes a tree in an existing directory. */
export function makeTree(root: string, tree: Tree): void {
  makeNodes(root, tree, [...tree.keys()].sort());
  finishDirectories(root, tree);
}

/** Makes some paths of a tree, in this order. */
export function makeNodes(root: string, tree: Tree, paths: readonly string[]): void {
  for (const path of paths) makeNode(bytes(root, path), tree.get(path));
}

/** Sets what the directories of a tree are to have in the end. */
export function finishDirectories(root: string, tree: Tree): void {
  for (const path of [...tree.keys()].sort().reverse()) {
    const node = tree.get(path);
    if (node?.kind !== 'directory') continue;
    fs.chmodSync(bytes(root, path), node.mode);
    fs.utimesSync(bytes(root, path), node.mtime, node.mtime);
  }
}

function makeNode(path: Buffer, node: TreeNode | undefined): void {
  if (node?.kind === 'directory') fs.mkdirSync(path, { mode: 0o700 });
  else if (node?.kind === 'symlink') fs.symlinkSync(Buffer.from(node.target, 'latin1'), path);
  else if (node !== undefined) {
    fs.writeFileSync(path, node.content, 'latin1');
    fs.chmodSync(path, node.mode);
    fs.utimesSync(path, node.mtime, node.mtime);
  }
}

/** Removes all that lies in a directory, whatever the bytes of its names. */
export function clearDirectory(root: string | Buffer): void {
  for (const name of fs.readdirSync(root, { encoding: 'buffer' })) {
    const path = Buffer.concat([Buffer.from(root), Buffer.from('/'), name]);
    if (fs.lstatSync(path).isDirectory()) {
      fs.chmodSync(path, 0o700);
      clearDirectory(path);
      fs.rmdirSync(path);
    } else fs.unlinkSync(path);
  }
}

/** What lies in a directory. */
export function readTree(root: string): Tree {
  const tree = new Map<string, TreeNode>();
  const read = (path: string): void => {
    const names = fs.readdirSync(path === '' ? root : bytes(root, path), { encoding: 'latin1' }).sort();
    for (const name of names) {
      const child = path === '' ? name : `${path}/${name}`;
      const node = readNode(bytes(root, child));
      tree.set(child, node);
      if (node.kind === 'directory') read(child);
    }
  };
  read('');
  return tree;
}

function readNode(path: Buffer): TreeNode {
  const stat = fs.lstatSync(path);
  const mode = stat.mode & 0o7777;
  const mtime = Math.floor(stat.mtimeMs / 1000);
  if (stat.isSymbolicLink()) return symlink(fs.readlinkSync(path, { encoding: 'latin1' }));
  if (stat.isDirectory()) return directory(mode, mtime);
  return file(fs.readFileSync(path, 'latin1'), mode, mtime);
}

/** One line for each path, sorted: two trees are equal when their manifests are. */
export function manifestOf(tree: Tree): string[] {
  return [...tree.keys()].sort().map((path) => `${JSON.stringify(path)} ${describe(tree.get(path))}`);
}

function describe(node: TreeNode | undefined): string {
  if (node === undefined) return 'nothing';
  if (node.kind === 'symlink') return `-> ${JSON.stringify(node.target)}`;
  const common = `${node.kind} ${node.mode.toString(8)} ${node.mtime}`;
  if (node.kind === 'directory') return common;
  return `${common} ${node.content.length} ${createHash('sha1').update(node.content, 'latin1').digest('hex')}`;
}

export function manifestAt(root: string): string[] {
  return manifestOf(readTree(root));
}

/** Few names, so that two random trees share many paths with different things at them. */
const NAMES = ['a', 'b', 'logs', 'caf\xc3\xa9', 'x\xff', 'n.log'];

const mtimes = fc.integer({ min: 1_000_000_000, max: 1_800_000_000 });
const files = fc.record({
  kind: fc.constant('file' as const),
  mode: fc.constantFrom(0o644, 0o600, 0o755, 0o444),
  mtime: mtimes,
  content: fc.string({ maxLength: 12 }).map((text) => Buffer.from(text).toString('latin1')),
});
const symlinks = fc.record({
  kind: fc.constant('symlink' as const),
  target: fc.constantFrom('a', '../b', '/etc/passwd', 'logs'),
});

interface Branch {
  readonly mode: number;
  readonly mtime: number;
  readonly children: Readonly<Record<string, TreeNode | Branch>>;
}

const { branch } = fc.letrec<{ branch: Branch; child: TreeNode | Branch }>((tie) => ({
  branch: fc.record({
    mode: fc.constantFrom(0o755, 0o700, 0o555, 0o775),
    mtime: mtimes,
    children: fc.dictionary(fc.constantFrom(...NAMES), tie('child'), { maxKeys: 4 }),
  }),
  child: fc.oneof({ maxDepth: 3, depthIdentifier: 'tree' }, files, symlinks, tie('branch')),
}));

/** Random trees, up to four levels deep. */
export const trees: fc.Arbitrary<Tree> = branch.map(({ children }) => {
  const tree = new Map<string, TreeNode>();
  const add = (at: Branch['children'], prefix: string): void => {
    for (const [name, child] of Object.entries(at)) {
      if ('kind' in child) tree.set(prefix + name, child);
      else {
        tree.set(prefix + name, directory(child.mode, child.mtime));
        add(child.children, `${prefix}${name}/`);
      }
    }
  };
  add(children, '');
  return tree;
});
