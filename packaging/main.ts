/**
 * `npm run package`: makes a .deb and a .tar.gz of the checkout for each processor, with a Node of their own, a list of
 * what is in them (CycloneDX), a Dockerfile and SHA256SUMS, in packages/. Two builds of one commit are the same, byte for byte.
 *
 * `npm run package -- --cpu x64 --output DIRECTORY`: for one processor, elsewhere.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildDeb, debianTree } from './deb.ts';
import { writeManual } from './manual.ts';
import { releaseOf } from './release.ts';
import { CPUS, installRuntime } from './runtime.ts';
import { writeSbom } from './sbom.ts';
import { packTarball } from './tarball.ts';
import { makeTree } from './tree.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    cpu: { type: 'string', multiple: true, default: CPUS.map(({ node }) => node) },
    output: { type: 'string', default: join(root, 'packages') },
  },
});
const cpus = CPUS.filter(({ node }) => values.cpu.includes(node));
if (cpus.length === 0) throw new Error(`--cpu is one of ${CPUS.map(({ node }) => node).join(', ')}`);

const release = releaseOf(root);
const { version } = release;
const output = values.output;
fs.mkdirSync(output, { recursive: true });
const scratch = fs.mkdtempSync(join(output, '.build-'));
// A build of its own beside dist/, so that paths in source maps are those of `npm run build`.
const dist = `dist.package-${process.pid}`;
try {
  execFileSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    env: { ...process.env, ROOST_DIST: dist },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const share = join(scratch, 'share');
  writeManual(share, join(root, dist, 'main.js'));
  const made: string[] = [];
  for (const cpu of cpus) {
    const runtime = join(scratch, cpu.node, 'runtime');
    installRuntime(root, runtime, cpu);
    const sources = { root, dist: join(root, dist), share, runtime };
    const tarball = `roost-${version}-linux-${cpu.node}.tar.gz`;
    makeTree(join(scratch, cpu.node, 'tar/roost', version), sources, cpu, version);
    packTarball(join(output, tarball), join(scratch, cpu.node, 'tar'), 'roost', release);
    const deb = `roost_${version}_${cpu.debian}.deb`;
    makeTree(debianTree(join(scratch, cpu.node, 'deb')), sources, cpu, version);
    buildDeb(join(output, deb), join(scratch, cpu.node, 'deb'), release, cpu);
    made.push(tarball, deb);
  }
  const dockerfile = fs.readFileSync(new URL('Dockerfile', import.meta.url), 'utf8').replace('@VERSION@', version);
  fs.writeFileSync(join(output, 'Dockerfile'), dockerfile);
  made.push('Dockerfile');
  const sbom = `roost-${version}.cdx.json`;
  writeSbom(join(output, sbom), root, release);
  made.push(sbom);
  const sums = made.sort().map((name) => `${sha256(join(output, name))}  ${name}\n`);
  fs.writeFileSync(join(output, 'SHA256SUMS'), sums.join(''));
  process.stdout.write(`In ${output}:\n${sums.join('')}`);
} finally {
  fs.rmSync(scratch, { recursive: true, force: true });
  fs.rmSync(join(root, dist), { recursive: true, force: true });
}

function sha256(file: string): string {
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}
