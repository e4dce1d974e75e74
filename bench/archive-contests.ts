/** Making, proving and unpacking archives: Roost with each engine beside the pipes that hosts use. */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Contender, Contest } from './contest.ts';
import { EMPTY } from './daemon.ts';
import { quoted, run, type Sample } from './measure.ts';
import { ROOST } from './peers.ts';
import { freshDirectory, REST_MS, type Scene } from './scene.ts';
import { changeHundredth } from './tree.ts';

type Engine = 'isal' | 'zlib';

export function archiveContests(scene: Scene): Contest[] {
  const { tree, daemon } = scene;
  const { bytes } = tree;
  const engines = enginesOf(scene);
  const first = {
    part: 'backup',
    work: 'first backup',
    bytes,
    contenders: [...engines.map((engine) => roostFirst(scene, engine)), ...pipes(scene), ...restic(scene, 'first')],
  };
  const verify = { part: 'verify', work: 'verify', bytes, contenders: verifiers(scene) };
  const restore = { part: 'restore', work: 'restore', bytes, contenders: restorers(scene) };
  if (daemon === undefined) return [first, verify, restore];
  const again = {
    part: 'repeat',
    work: 'repeated backup',
    bytes,
    before: async (round: number) => {
      // What the round before changed.
      if (round > 0) await delay(REST_MS);
      for (const engine of engines) ensureBase(scene, engine);
      changeHundredth(tree, round);
    },
    contenders: [...engines.map((engine) => roostAgain(scene, engine)), ...restic(scene, 'again')],
  };
  return [first, again, verify, restore];
}

/** Many small files, beside `tar czf`. */
export function smallFileContest(scene: Pick<Scene, 'scratch' | 'peers' | 'tree'>): Contest {
  const { tree, scratch, peers } = scene;
  const { directory, files } = tree;
  const tar: Contender = {
    name: 'tar czf',
    prepare: () => void freshDirectory(scratch, 'out'),
    run: () => packed(scratch, `tar -C ${quoted(directory)} -czf ${outOf(scratch)} .`, join(scratch, 'out/a.tar.gz')),
  };
  return {
    part: 'small-files',
    work: `backup of ${files.length} small files`,
    bytes: tree.bytes,
    contenders: [
      ...enginesOf(scene).map((engine) => roostFirst(scene, engine, { place: 'small' })),
      ...(peers.has.has('tar') ? [tar] : []),
    ],
  };
}

export function enginesOf({ peers }: Pick<Scene, 'peers'>): Engine[] {
  return peers.has.has('isal') ? ['isal', 'zlib'] : ['zlib'];
}

/** `place` keeps the archive until the next round, for the repeated backup; `more` are further options. */
export function roostFirst(
  { tree, scratch }: Pick<Scene, 'tree' | 'scratch'>,
  engine: Engine,
  { name = `roost ${engine}`, place = 'first', more = '' } = {},
): Contender {
  const into = `${place}-${engine}`;
  const file = join(scratch, into, 'a.tar.gz');
  return {
    name,
    prepare: () => void freshDirectory(scratch, into),
    run: () => {
      // 3: done, with warnings; a real tree has sockets and the like.
      const line = `${ROOST} create --engine ${engine} ${more} ${quoted(tree.directory)} ${quoted(file)}`;
      return { ...run(line, scratch, WARNED), archiveBytes: fs.statSync(file).size };
    },
  };
}

/** Exit codes of work that was done, with or without warnings. */
const WARNED = [0, 3];

function ensureBase(scene: Scene, engine: Engine): void {
  if (fs.existsSync(join(scene.scratch, `first-${engine}`, 'a.tar.gz'))) return;
  const contender = roostFirst(scene, engine);
  void contender.prepare?.(0);
  void contender.run(0);
}

function roostAgain({ tree, scratch }: Scene, engine: Engine): Contender {
  const base = join(scratch, `first-${engine}`, 'a.tar.gz');
  const own = `again-${engine}`;
  const file = join(scratch, own, 'a.tar.gz');
  return {
    name: `roost ${engine}`,
    prepare: () => void freshDirectory(scratch, own),
    run: () => {
      const command = `${ROOST} create --json --engine ${engine} --base ${quoted(base)}`;
      const { stdout, ...sample } = run(`${command} ${quoted(tree.directory)} ${quoted(file)}`, scratch, WARNED);
      const { size, reusedBytes } = JSON.parse(stdout) as { readonly size: number; readonly reusedBytes: number };
      return { ...sample, archiveBytes: size, reusedBytes };
    },
    // The next round's first backup makes a new base; without that part, this archive is the newest of the tree.
    after: () => {
      fs.rmSync(join(scratch, `first-${engine}`), { recursive: true });
      fs.renameSync(join(scratch, own), join(scratch, `first-${engine}`));
    },
  };
}

/** What Wings-like daemons do: pack, compress, then read the archive again for its checksum. None of it is flushed. */
function pipes({ tree, scratch, peers }: Scene): Contender[] {
  const pack = `tar -C ${quoted(tree.directory)} -cf - .`;
  const out = outOf(scratch);
  const lines: readonly (readonly [string, string, string])[] = [
    ['igzip', 'tar | igzip -1, sha256sum', `${pack} | igzip -1 > ${out} && sha256sum ${out}`],
    ['pigz', 'tar | pigz -1', `${pack} | pigz -1 > ${out}`],
  ];
  return lines
    .filter(([program]) => peers.has.has(program))
    .map(([, name, line]) => ({
      name,
      prepare: () => void freshDirectory(scratch, 'out'),
      run: () => packed(scratch, line, join(scratch, 'out/a.tar.gz')),
    }));
}

function outOf(scratch: string): string {
  return quoted(join(scratch, 'out/a.tar.gz'));
}

function packed(scratch: string, line: string, file: string): Sample {
  // GNU tar ends with 1 for a socket or for a file that changed.
  const sample = run(line, scratch, [0, 1]);
  return { ...sample, archiveBytes: fs.statSync(file).size };
}

function verifiers({ archive, scratch, peers }: Scene): Contender[] {
  const file = quoted(archive);
  const roost = { name: 'roost', run: () => run(`${ROOST} verify ${file}`, scratch, WARNED) };
  const gzip = { name: 'gzip -t, sha256sum', run: () => run(`gzip -t ${file} && sha256sum ${file}`, scratch) };
  return peers.has.has('gzip') && peers.has.has('sha256sum') ? [roost, gzip] : [roost];
}

function restorers(scene: Scene): Contender[] {
  const { archive, scratch, peers, daemon, backup, trash } = scene;
  const file = quoted(archive);
  const out = join(scratch, 'restored');
  const clear = () => trash.discard(out);
  const into = quoted(out);
  const extract: Contender = {
    name: 'roost archive extract',
    prepare: () => trash.settled(),
    run: () => run(`${ROOST} extract --setuid keep ${file} ${into}`, scratch, WARNED),
    after: clear,
  };
  const tar: Contender = {
    name: 'tar xzf',
    prepare: async () => {
      await trash.settled();
      fs.mkdirSync(out);
    },
    run: () => run(`tar -C ${into} -xzf ${file}`, scratch),
    after: clear,
  };
  const verb: Contender[] =
    daemon === undefined
      ? []
      : [
          {
            // Checked, staged, flushed and moved into place, as in production.
            name: 'roost restore (daemon)',
            prepare: async () => {
              await trash.settled();
              daemon.forgetPeak();
            },
            run: async () => {
              const start = performance.now();
              await daemon.restore(EMPTY, backup);
              return { seconds: (performance.now() - start) / 1000, peakBytes: daemon.peak() };
            },
            after: () => trash.discardContent(daemon.serverDirectory(EMPTY)),
          },
        ];
  return [...verb, extract, ...(peers.has.has('tar') && peers.has.has('gzip') ? [tar] : [])];
}

/** Deduplicating, not a plain archive: what a repeated backup could cost when the format is given up. */
function restic({ tree, scratch, peers }: Scene, which: 'first' | 'again'): Contender[] {
  if (!peers.has.has('restic')) return [];
  const repository = join(scratch, 'restic');
  const command = `RESTIC_PASSWORD=bench restic --quiet --no-cache -r ${quoted(repository)}`;
  const backup = `cd ${quoted(tree.directory)} && ${command} backup .`;
  const renew = (): void => {
    fs.rmSync(repository, { recursive: true, force: true });
    run(`${command} init`, scratch);
  };
  const prepare = (): void => {
    if (which === 'first' || !fs.existsSync(repository)) renew();
  };
  return [{ name: 'restic', prepare, run: () => run(backup, scratch) }];
}
