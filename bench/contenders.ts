/** Who is measured: Roost with each engine beside the tools that hosts use, each doing the same work. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { firstLine, isInstalled } from './measure.ts';

/** Where a contender works; all paths are free of characters that a shell would read. */
export interface Place {
  readonly tree: string;
  /** Its own directory: archives, an unpacked tree. */
  readonly own: string;
  /** One file of the tree, for the restore of one file. */
  readonly oneFile: string;
}

export interface Contender {
  readonly name: string;
  readonly version: string;
  /** Shell lines, run in an empty `own`/out; `first` and `again` leave the archive, which the others read. */
  first(place: Place): string;
  /** The same after a hundredth of the files changed; the first archive is still there. */
  again(place: Place): string;
  extract(place: Place): string;
  verify(place: Place): string;
  oneFile(place: Place): string;
  /** What `first` or `again` left, for its size. */
  archive(place: Place, again: boolean): string;
  /** Brings the directory back to where `first` starts. */
  reset(place: Place): string;
}

export interface Field {
  readonly contenders: readonly Contender[];
  /** What could not be measured, and why. */
  readonly missing: readonly string[];
}

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const resetArchives = ({ own }: Place) => `rm -rf ${own} && mkdir -p ${own}`;

export function findContenders(): Field {
  const missing: string[] = [];
  const contenders = [roost('isal', missing), roost('zlib', missing)];
  const tar = firstLine('tar --version');
  const pipes: [string, string, string][] = [
    ['pigz', 'pigz -1', 'pigz -dc'],
    ['igzip', 'igzip -1 -T $(nproc)', 'igzip -dc'],
    ['gzip', 'gzip', 'gzip -dc'],
  ];
  for (const [program, compress, decompress] of pipes) {
    if (isInstalled(program))
      contenders.push(tarPipe(program, `${tar}, ${firstLine(`${program} --version`)}`, compress, decompress));
    else missing.push(`${program} is not installed`);
  }
  if (isInstalled('restic')) contenders.push(restic());
  else missing.push('restic is not installed');
  return { contenders: contenders.filter((at) => at !== undefined), missing };
}

function roost(engine: 'isal' | 'zlib', missing: string[]): Contender | undefined {
  const command = `${process.execPath} ${MAIN} archive`;
  const probe = spawnSync('sh', [
    '-c',
    `d=$(mktemp -d) && ${command} create --engine ${engine} $d $d.tar.gz; e=$?; rm -rf $d $d.*; exit $e`,
  ]);
  if (probe.status !== 0) {
    missing.push(`roost with the engine ${engine}: ${String(probe.stderr).trim().split('\n')[0]}`);
    return undefined;
  }
  const create = `${command} create --engine ${engine}`;
  return {
    name: `roost ${engine}`,
    version: firstLine(`${process.execPath} ${MAIN} --version`),
    first: ({ tree, own }) => `${create} ${tree} ${own}/first.tar.gz`,
    again: ({ tree, own }) => `${create} --base ${own}/first.tar.gz ${tree} ${own}/again.tar.gz`,
    extract: (place) => `${command} extract ${place.own}/first.tar.gz ${place.own}/out`,
    verify: ({ own }) => `${command} verify ${own}/first.tar.gz`,
    oneFile: (place) => `${command} extract --path ${place.oneFile} ${place.own}/first.tar.gz ${place.own}/out`,
    archive: ({ own }, again) => `${own}/${again ? 'again' : 'first'}.tar.gz`,
    reset: resetArchives,
  };
}

/**
 * What Wings-like daemons do: pack, compress, then read the archive again for its checksum. `sync` because a backup
 * that a power cut can take back is not done, and Roost flushes too.
 */
function tarPipe(name: string, version: string, compress: string, decompress: string): Contender {
  const pack = (place: Place, file: string) =>
    `tar -C ${place.tree} -cf - . | ${compress} > ${place.own}/${file} && sync ${place.own}/${file} && sha256sum ${place.own}/${file}`;
  return {
    name: `tar | ${name}, sha256sum`,
    version,
    first: (place) => pack(place, 'first.tar.gz'),
    again: (place) => pack(place, 'again.tar.gz'),
    extract: (place) => `${decompress} ${place.own}/first.tar.gz | tar -C ${place.own}/out -xf -`,
    verify: ({ own }) => `${decompress} ${own}/first.tar.gz > /dev/null && sha256sum ${own}/first.tar.gz`,
    oneFile: (place) => `${decompress} ${place.own}/first.tar.gz | tar -C ${place.own}/out -xf - ./${place.oneFile}`,
    archive: ({ own }, again) => `${own}/${again ? 'again' : 'first'}.tar.gz`,
    reset: resetArchives,
  };
}

/** Deduplicating, not a plain archive: what a repeated backup could cost when the format is given up. */
function restic(): Contender {
  const command = ({ own }: Place) => `RESTIC_PASSWORD=bench restic --quiet --no-cache -r ${own}/repository`;
  const backup = (place: Place) => `cd ${place.tree} && ${command(place)} backup .`;
  return {
    name: 'restic',
    version: firstLine('restic version'),
    first: backup,
    again: backup,
    extract: (place) => `${command(place)} restore latest --target ${place.own}/out`,
    verify: (place) => `${command(place)} check --read-data`,
    oneFile: (place) => `${command(place)} dump latest /${place.oneFile} > ${place.own}/out/file`,
    archive: ({ own }) => `${own}/repository`,
    reset: (place) => `${resetArchives(place)} && ${command(place)} init`,
  };
}
