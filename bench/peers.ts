/** The programs that Roost is measured beside: which are there, and in which version. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { firstLine, isInstalled, quoted } from './measure.ts';

/** The built program: what runs in production. */
export const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
export const ROOST = `${quoted(process.execPath)} ${quoted(MAIN)} archive`;

export interface Peers {
  readonly has: ReadonlySet<string>;
  /** A line for each that is there. */
  readonly versions: readonly string[];
  /** A line for each that is not, which rows are missing for it. */
  readonly missing: readonly string[];
}

const PROGRAMS: Readonly<Record<string, { readonly version: string; readonly without: string }>> = {
  tar: { version: 'tar --version', without: 'nothing of the table can be compared' },
  igzip: { version: 'igzip --version', without: 'the first backup with ISA-L has nothing beside it' },
  pigz: { version: 'pigz --version', without: 'the first backup with zlib and the size have nothing beside them' },
  gzip: { version: 'gzip --version', without: 'verification and restore have nothing beside them' },
  openssl: { version: 'openssl version', without: 'igzip has no fast sha256 beside it' },
  sha256sum: { version: 'sha256sum --version', without: 'first backups and verification have nothing beside them' },
  curl: { version: 'curl --version', without: 'the download is read by Node' },
  restic: { version: 'restic version', without: 'a deduplicating peer is not shown' },
};

export function findPeers(): Peers {
  const has = new Set(Object.keys(PROGRAMS).filter(isInstalled));
  const versions = [
    `roost ${firstLine(`${quoted(process.execPath)} ${quoted(MAIN)} --version`)}, Node ${process.version}`,
  ];
  const missing: string[] = [];
  for (const [program, { version, without }] of Object.entries(PROGRAMS)) {
    if (has.has(program)) versions.push(`${program}: ${firstLine(version)}`);
    else missing.push(`${program} is not installed: ${without}`);
  }
  const isal = probeIsal();
  if (isal === undefined) has.add('isal');
  else missing.push(`the engine isal: ${isal}`);
  return { has, versions, missing };
}

/** Why the engine does not run here; undefined when it does. */
function probeIsal(): string | undefined {
  const directory = fs.mkdtempSync('/tmp/roost-bench-');
  const line = `${ROOST} create --engine isal ${directory} ${directory}.tar.gz`;
  const { status, stderr } = spawnSync('sh', ['-c', `${line}; e=$?; rm -rf ${directory}*; exit $e`]);
  return status === 0 ? undefined : stderr.toString().trim().split('\n')[0];
}
