/** What a directory holds, as lines that can be compared: everything that an archive is to keep. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { printable } from '../../src/base/files/paths.ts';

export interface ManifestOptions {
  /** Leave out what only root can restore. */
  readonly owners?: boolean;
  /** Byte strings of paths that are left out, with what lies below them. */
  readonly without?: readonly string[];
}

/**
 * One line for each path, sorted by its bytes: type, mode, owner, mtime in whole seconds, size, sha256, link target,
 * and for files with several names the first of them.
 */
export function directoryManifest(root: string, options: ManifestOptions = {}): string[] {
  const lines: string[] = [];
  const firstNames = new Map<string, string>();
  const visit = (path: string): void => {
    const at = path === '' ? Buffer.from(root) : pathIn(root, path);
    for (const name of fs.readdirSync(at, { encoding: 'latin1' }).sort()) {
      const child = path === '' ? name : `${path}/${name}`;
      if (options.without?.includes(child) === true) continue;
      const stat = fs.lstatSync(pathIn(root, child));
      lines.push(`${printable(child)} ${describe(root, child, stat, firstNames)}${owner(stat, options)}`);
      if (stat.isDirectory()) visit(child);
    }
  };
  visit('');
  return lines;
}

/** The path of a byte string below a directory. */
export function pathIn(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
}

function owner(stat: fs.Stats, { owners = true }: ManifestOptions): string {
  return owners ? ` ${stat.uid}:${stat.gid}` : '';
}

function describe(root: string, path: string, stat: fs.Stats, firstNames: Map<string, string>): string {
  const common = `${(stat.mode & 0o7777).toString(8)} ${Math.floor(stat.mtimeMs / 1000)}`;
  if (stat.isSymbolicLink()) return `link -> ${printable(fs.readlinkSync(pathIn(root, path), { encoding: 'latin1' }))}`;
  if (stat.isDirectory()) return `directory ${common}`;
  if (!stat.isFile()) return `special ${common}`;
  const identity = `${stat.dev}:${stat.ino}`;
  const first = stat.nlink < 2 ? path : (firstNames.get(identity) ?? path);
  firstNames.set(identity, first);
  const digest = createHash('sha256')
    .update(fs.readFileSync(pathIn(root, path)))
    .digest('hex');
  return `file ${common} ${stat.size} ${digest}${first === path ? '' : ` = ${printable(first)}`}`;
}
