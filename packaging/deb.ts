/**
 * A Debian package around a tree. dpkg owns the tree at /usr/lib/roost/package; the scripts link it, file by file, to
 * /usr/lib/roost/<version>, from where Roost runs. So an upgrade, which replaces the files that dpkg owns, takes none
 * from a daemon that runs, and shows it none that is newer.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Release } from './release.ts';
import type { Cpu } from './runtime.ts';
import { setModes } from './tree.ts';

const SCRIPTS = fileURLToPath(new URL('debian/', import.meta.url));
const PREFIX = 'usr/lib/roost';

/** @param root a directory with a tree at `debianTree(root)`; the rest of the package is added to it. */
export function buildDeb(file: string, root: string, { version, epoch }: Release, cpu: Cpu): void {
  const tree = debianTree(root);
  for (const name of ['roost.service', 'roost.socket']) {
    const unit = fs.readFileSync(join(tree, 'systemd', name), 'utf8');
    put(root, `usr/lib/systemd/system/${name}`, unit.replaceAll('/opt/roost/', `/${PREFIX}/current/`));
  }
  for (const kind of ['sysusers.d', 'tmpfiles.d']) {
    put(root, `usr/lib/${kind}/roost.conf`, fs.readFileSync(join(tree, 'systemd', kind, 'roost.conf'), 'utf8'));
  }
  put(root, 'usr/share/doc/roost/copyright', fs.readFileSync(join(tree, 'LICENSE'), 'utf8'));
  moveShared(join(tree, 'share'), join(root, 'usr/share'));
  fs.mkdirSync(join(root, 'usr/bin'), { recursive: true });
  fs.symlinkSync(`../lib/roost/current/systemd/roost`, join(root, 'usr/bin/roost'));
  for (const name of ['postinst', 'prerm', 'postrm']) {
    const script = fs.readFileSync(join(SCRIPTS, name), 'utf8').replaceAll('@VERSION@', version);
    put(root, `DEBIAN/${name}`, script, 0o755);
  }
  put(root, 'DEBIAN/control', control(version, cpu, sizeOf(join(root, 'usr'))));
  setModes(root);
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', '-Zgzip', '-z6', root, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: `${epoch}` },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Where the tree lies in the package. */
export function debianTree(root: string): string {
  return join(root, PREFIX, 'package');
}

/** Manual pages and completions, to where Debian has them. */
function moveShared(from: string, share: string): void {
  fs.cpSync(from, share, { recursive: true });
  fs.rmSync(from, { recursive: true });
  const functions = join(share, 'zsh/vendor-completions');
  fs.renameSync(join(share, 'zsh/site-functions'), functions);
  // Policy 12.1. Without name and time in it, each build is the same.
  execFileSync('gzip', ['-n', '-9', join(share, 'man/man1/roost.1'), join(share, 'man/man5/roost.yml.5')]);
}

function put(root: string, name: string, content: string, mode = 0o644): void {
  fs.mkdirSync(dirname(join(root, name)), { recursive: true });
  fs.writeFileSync(join(root, name), content, { mode });
}

function control(version: string, cpu: Cpu, kibibytes: number): string {
  return `Package: roost
Version: ${version}
Architecture: ${cpu.debian}
Maintainer: The maintainers of Roost <roost@localhost>
Installed-Size: ${kibibytes}
Depends: libc6 (>= 2.28), libstdc++6, systemd
Recommends: libisal2
Section: admin
Priority: optional
Description: backup agent for game-server hosts
 Standard tar.gz archives, crash-safe restores, an HTTP API and a progress
 socket. It brings its own Node.
`;
}

/** The sum of the files' sizes in KiB, each rounded up, as Debian's policy defines Installed-Size. */
function sizeOf(path: string): number {
  const status = fs.lstatSync(path);
  if (!status.isDirectory()) return Math.ceil(status.size / 1024);
  return fs.readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 1);
}
