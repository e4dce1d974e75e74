/** The packages that a build carries as they are: Node itself, and koffi, whose native code cannot be bundled. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';

/** A processor in the words of Node and of Debian. */
export interface Cpu {
  readonly node: 'x64' | 'arm64';
  readonly debian: 'amd64' | 'arm64';
}

export const CPUS: readonly Cpu[] = [
  { node: 'x64', debian: 'amd64' },
  { node: 'arm64', debian: 'arm64' },
];

interface LockEntry {
  readonly version: string;
  readonly optionalDependencies?: unknown;
}

/**
 * Installs them for any processor into `directory`/node_modules, in the versions and with the checksums of the lock file
 * of Roost. Their scripts are not run.
 */
export function installRuntime(root: string, directory: string, cpu: Cpu): void {
  const lock = JSON.parse(fs.readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockEntry>>;
  };
  const optionalDependencies: Record<string, string> = {};
  const packages: Record<string, unknown> = {};
  for (const name of runtimePackages(cpu)) {
    const entry = lock.packages[`node_modules/${name}`];
    if (entry === undefined) throw new Error(`package-lock.json has no ${name}`);
    // koffi names its code for every processor; here it is one.
    const { optionalDependencies: others, ...alone } = entry;
    packages[`node_modules/${name}`] = others === undefined ? entry : alone;
    // npm installs for another processor than this one only what is optional.
    optionalDependencies[name] = entry.version;
  }
  const project = { name: 'roost-runtime', version: '0.0.0', private: true, optionalDependencies };
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(join(directory, 'package.json'), JSON.stringify(project));
  fs.writeFileSync(
    join(directory, 'package-lock.json'),
    JSON.stringify({ ...project, lockfileVersion: 3, packages: { '': project, ...packages } }),
  );
  const target = ['--os=linux', `--cpu=${cpu.node}`, '--libc=glibc'];
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['ci', ...target, ...quiet], { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
  for (const name of runtimePackages(cpu)) {
    if (!fs.existsSync(join(directory, 'node_modules', name))) throw new Error(`npm did not install ${name}`);
  }
}

export function runtimePackages(cpu: Cpu): readonly string[] {
  return ['koffi', `@koromix/koffi-linux-${cpu.node}`, `node-linux-${cpu.node}`];
}
