/**
 * The files of an installed Roost, in one directory: those of a checkout that a host needs, at the same places, with a
 * Node of its own. Every mode is set, since a checkout's follow the umask of its user.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { type Cpu, runtimePackages } from './runtime.ts';

/** What package.json's "files" names, and what npm always adds. */
const FILES = ['dist', 'web', 'systemd', 'docs', 'config.example.yml', 'README.md', 'CHANGELOG.md', 'LICENSE'];
/** Of Node's package: headers and man pages are not needed to run. */
const NODE_FILES = ['bin', 'LICENSE', 'package.json'];
/** Sources of koffi's native code, and its documentation. */
const KOFFI_UNUSED: ReadonlySet<string> = new Set(['doc', 'lib', 'vendor', 'CHANGELOG.md', 'cnoke.cjs']);

export interface TreeSources {
  readonly root: string;
  /** The build, as `npm run build` makes it. */
  readonly dist: string;
  /** Manual pages and completions, as `writeManual` wrote them. */
  readonly share: string;
  /** Where `installRuntime` installed. */
  readonly runtime: string;
}

export function makeTree(target: string, { root, dist, share, runtime }: TreeSources, cpu: Cpu, version: string): void {
  fs.mkdirSync(target, { recursive: true });
  for (const name of FILES) copy(name === 'dist' ? dist : join(root, name), join(target, name));
  copy(share, join(target, 'share'));
  // Sources of what dist/web holds.
  fs.rmSync(join(target, 'web/page'), { recursive: true, force: true });
  writePackage(root, target, version);
  const modules = join(target, 'node_modules');
  for (const name of runtimePackages(cpu)) {
    const from = join(runtime, 'node_modules', name);
    const kept = name.startsWith('node-') ? NODE_FILES : fs.readdirSync(from).filter((file) => used(name, file));
    for (const file of kept) copy(join(from, file), join(modules, name, file));
  }
  fs.mkdirSync(join(modules, '.bin'));
  fs.symlinkSync(`../node-linux-${cpu.node}/bin/node`, join(modules, '.bin/node'));
  setModes(target);
}

function used(name: string, file: string): boolean {
  return name !== 'koffi' || !KOFFI_UNUSED.has(file);
}

/** What a build needs goes; what the command line reads stays. */
function writePackage(root: string, target: string, version: string): void {
  const { name, description, license, type, bin, engines } = JSON.parse(
    fs.readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Readonly<Record<string, unknown>>;
  const content = { name, version, description, license, private: true, type, bin, engines };
  fs.writeFileSync(join(target, 'package.json'), `${JSON.stringify(content, null, 2)}\n`);
}

function copy(from: string, to: string): void {
  fs.cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}

/** 0755 for directories and programs, 0644 for the rest. */
export function setModes(directory: string): void {
  fs.chmodSync(directory, 0o755);
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) setModes(path);
    else if (entry.isFile()) fs.chmodSync(path, (fs.statSync(path).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}
