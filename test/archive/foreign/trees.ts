/** A tree with everything that archives disagree about, and a description of trees to compare by. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';

export interface TreeOptions {
  /** Names that are not UTF-8: some tools refuse them. */
  readonly binaryNames: boolean;
  /** Names over 100 and 255 bytes: v7 and ustar refuse them. */
  readonly longNames: boolean;
}

const MTIME = 1_500_000_000;

export function makeTree(root: string, options: TreeOptions): void {
  const at = (name: string): Buffer => Buffer.from(`${root}/${name}`, 'latin1');
  const file = (name: string, content: string | Buffer, mode = 0o644): void => {
    fs.writeFileSync(at(name), content);
    fs.chmodSync(at(name), mode);
  };
  for (const name of ['world', 'world/region', 'empty', 'readonly']) fs.mkdirSync(at(name), { recursive: true });
  file('a.txt', 'small');
  file('nothing', '');
  file('script.sh', '#!/bin/sh\n', 0o755);
  file('private', 'secret', 0o600);
  file('readonly/file', 'x', 0o444);
  file('world/region/r.0.0.mca', Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 251)));
  file('block', Buffer.alloc(512, 'b'));
  file('with space and "quotes"', 'q');
  file('back\\slash', 'b');
  file('gr\xc3\xb6\xc3\x9fe', 'utf-8');
  fs.linkSync(at('a.txt'), at('world/hard'));
  fs.symlinkSync('../a.txt', at('world/link'));
  fs.symlinkSync('/nowhere/at/all', at('dangling'));
  if (options.binaryNames) file('caf\xe9\xff', 'latin1');
  if (options.longNames) {
    const deep = Array.from({ length: 12 }, (_, index) => `directory-number-${index}-${'x'.repeat(20)}`).join('/');
    fs.mkdirSync(at(deep), { recursive: true });
    file(`${deep}/${'n'.repeat(200)}`, 'deep');
    fs.symlinkSync(`${'../'.repeat(80)}target`, at('long link'));
  }
  for (const name of fs.readdirSync(root, { recursive: true, encoding: 'latin1' }))
    fs.lutimesSync(at(name), MTIME, MTIME);
  fs.chmodSync(at('readonly'), 0o555);
}

/** Kind, mode, owner, time and content of everything below a root, by path (latin1). Hard links by their group. */
export function manifest(root: string, { owners = true } = {}): Record<string, string> {
  const lines: Record<string, string> = {};
  const groups = new Map<number, string>();
  for (const name of namesBelow(root)) {
    const path = Buffer.from(`${root}/${name}`, 'latin1');
    const stat = fs.lstatSync(path);
    const owner = owners ? ` ${stat.uid}:${stat.gid}` : '';
    const facts = `${(stat.mode & 0o7777).toString(8)}${owner} @${Math.floor(stat.mtimeMs / 1000)}`;
    if (stat.isSymbolicLink())
      lines[name] = `symlink @${Math.floor(stat.mtimeMs / 1000)} ${fs.readlinkSync(path, 'latin1')}`;
    else if (stat.isDirectory()) lines[name] = `directory ${facts}`;
    else {
      const hash = createHash('sha256').update(fs.readFileSync(path)).digest('hex').slice(0, 16);
      const first = groups.get(stat.ino) ?? name;
      groups.set(stat.ino, first);
      lines[name] = `file ${facts} ${stat.size} ${hash}${first === name ? '' : ` = ${first}`}`;
    }
  }
  return lines;
}

/** All paths below a root, as byte strings in order. */
function namesBelow(root: string): string[] {
  const found: string[] = [];
  const visit = (prefix: string): void => {
    for (const name of fs.readdirSync(Buffer.from(`${root}/${prefix}`, 'latin1'), { encoding: 'latin1' }).sort()) {
      found.push(prefix + name);
      if (fs.lstatSync(Buffer.from(`${root}/${prefix}${name}`, 'latin1')).isDirectory()) visit(`${prefix}${name}/`);
    }
  };
  visit('');
  return found;
}
