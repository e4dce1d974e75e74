/** One tree through Roost, command and warm daemon, and through what hosts run instead; each peer flushes what it wrote. */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Contender, Contest } from '../contest.ts';
import { type BenchDaemon, EMPTY, FULL } from '../daemon.ts';
import { quoted, run, type Sample } from '../measure.ts';
import { FLOOR_ROUNDS } from '../cost-contests.ts';
import { ROOST } from '../peers.ts';
import { freshDirectory, REST_MS, type Scene } from '../scene.ts';
import { changeHundredth } from '../tree.ts';
import type { OutsidePeers } from './peers.ts';

export const ROOST_COMMAND = 'roost archive create';
export const ROOST_DAEMON = 'roost, warm daemon';
export const EXTRACT = 'roost archive extract';
export const RESTORE = 'roost restore, warm daemon';
export const WINGS = 'Wings, flushed';
export const IGZIP = 'tar | igzip -1, flushed, openssl sha256';
export const TAR = 'tar xzf';
export const FOREIGN_WORK = 'restore of an archive by';
export const INFLATE_FOREIGN = 'inflate the archive of Wings (igzip)';
export const TAR_FLUSHED = 'tar xzf, sync -f';

/** Exit codes of work that was done; 3 of Roost is with warnings, 1 of tar for a socket or a file that changed. */
export const DONE = [0, 1, 3];

type Place = Pick<Scene, 'scratch' | 'tree'>;

/** First backups; a tree that is not the bench's own has no daemon. */
export function firstBackups(place: Place, peers: OutsidePeers, daemon: BenchDaemon | undefined): Contest {
  return {
    part: 'backup',
    work: 'first backup',
    bytes: place.tree.bytes,
    contenders: [
      written(place, ROOST_COMMAND, (from, to) => `${ROOST} create ${from} ${to}`),
      ...(daemon === undefined ? [] : [inDaemon(daemon)]),
      ...wings(place, peers),
      ...pipes(place, peers),
      ...restic(place, peers),
    ],
  };
}

/** After a change of every hundredth file. */
export function repeatedBackups(place: Place, peers: OutsidePeers): Contest {
  const base = join(place.scratch, 'base', 'a.tar.gz');
  const roost = written(
    place,
    ROOST_COMMAND,
    (from, to) => `${ROOST} create --base ${quoted(base)} ${from} ${to}`,
    'again',
  );
  return {
    part: 'repeat',
    work: 'repeated backup, 1 % changed',
    bytes: place.tree.bytes,
    before: async (round) => {
      if (!fs.existsSync(base)) {
        freshDirectory(place.scratch, 'base');
        run(`${ROOST} create ${quoted(place.tree.directory)} ${quoted(base)}`, place.scratch, DONE);
      }
      await delay(REST_MS);
      changeHundredth(place.tree, round);
      await delay(REST_MS);
    },
    contenders: [
      {
        ...roost,
        // The newest archive is what the next backup copies from.
        after: () => {
          fs.rmSync(join(place.scratch, 'base'), { recursive: true });
          fs.renameSync(join(place.scratch, 'again'), join(place.scratch, 'base'));
        },
      },
      ...wings(place, peers),
    ],
  };
}

export function restores(scene: Scene): Contest {
  const { archive, backup, daemon, scratch, trash, tree } = scene;
  const out = join(scratch, 'restored');
  const unpack = (name: string, line: string): Contender => ({
    name,
    prepare: async () => {
      await trash.settled();
      fs.mkdirSync(out);
    },
    run: () => run(line, scratch, DONE),
    after: () => trash.discard(out),
  });
  const [from, to] = [quoted(archive), quoted(out)];
  return {
    part: 'restore',
    work: 'restore',
    bytes: tree.bytes,
    contenders: [
      ...(daemon === undefined ? [] : [restoreInDaemon(scene, daemon, backup)]),
      unpack(EXTRACT, `${ROOST} extract --setuid keep ${from} ${to}`),
      unpack(TAR, `tar -C ${to} -xzf ${from}`),
      unpack(TAR_FLUSHED, `tar -C ${to} -xzf ${from} && sync -f ${to}`),
    ],
  };
}

/** An archive that Wings made, beside the one that Roost made of the same tree. */
export function foreignRestores(scene: Scene, peers: OutsidePeers): Contest[] {
  if (peers.wings === undefined) return [];
  const { scratch, trash, tree } = scene;
  const out = join(scratch, 'restored');
  const made = join(scratch, 'wings.tar.gz');
  const unpack = (name: string, from: string): Contender => ({
    name,
    prepare: () => trash.settled(),
    run: () => run(`${ROOST} extract --setuid keep ${quoted(from)} ${quoted(out)}`, scratch, DONE),
    after: () => trash.discard(out),
  });
  const before = (): void => {
    if (fs.existsSync(made)) return;
    run(`${quoted(peers.wings ?? '')} ${quoted(tree.directory)} ${quoted(made)}`, scratch);
  };
  const inflate = {
    name: INFLATE_FOREIGN,
    run: () => run(`igzip -dc ${quoted(made)} > /dev/null`, scratch),
  };
  return [
    {
      part: 'foreign',
      work: FOREIGN_WORK,
      bytes: tree.bytes,
      before,
      contenders: [unpack('Wings', made), unpack('Roost', scene.archive)],
    },
    ...(peers.has.has('igzip')
      ? [{ part: 'floor', work: 'floor', bytes: tree.bytes, before, contenders: [inflate], rounds: FLOOR_ROUNDS }]
      : []),
  ];
}

/** A command that writes one archive; `place` keeps it until the next round. */
function written(
  { scratch, tree }: Place,
  name: string,
  line: (from: string, to: string) => string,
  place = 'out',
): Contender {
  const file = join(scratch, place, 'a.tar.gz');
  return {
    name,
    prepare: () => void freshDirectory(scratch, place),
    run: () => {
      const sample = run(line(quoted(tree.directory), quoted(file)), scratch, DONE);
      return { ...sample, archiveBytes: fs.statSync(file).size };
    },
  };
}

/** From the request to COMPLETED; the daemon's threads are there from the round before, or from a backup of another server. */
function inDaemon(daemon: BenchDaemon): Contender {
  let made = '';
  return {
    name: ROOST_DAEMON,
    prepare: async () => {
      await daemon.backup(EMPTY);
      daemon.forgetPeak();
    },
    run: async () => {
      const sample = await daemon.measure(async () => {
        made = await daemon.backup(FULL);
      });
      return { ...sample, archiveBytes: fs.statSync(daemon.archiveOf(FULL, made)).size };
    },
    // The next round's backup is not to copy from this one.
    after: () => daemon.remove(FULL, made),
  };
}

function restoreInDaemon({ trash }: Scene, daemon: BenchDaemon, backup: string): Contender {
  return {
    name: RESTORE,
    prepare: async () => {
      await trash.settled();
      daemon.forgetPeak();
    },
    run: (): Promise<Sample> => daemon.measure(() => daemon.restore(EMPTY, backup)),
    after: () => trash.discardContent(daemon.serverDirectory(EMPTY)),
  };
}

function wings(place: Place, { wings: program }: OutsidePeers): Contender[] {
  if (program === undefined) return [];
  return [written(place, WINGS, (from, to) => `${quoted(program)} ${from} ${to} && sync ${to}`)];
}

function pipes(place: Place, { has }: OutsidePeers): Contender[] {
  const line =
    (tail: (to: string) => string) =>
    (from: string, to: string): string =>
      `tar -C ${from} -cf - . | ${tail(to)}`;
  return [
    ...(has.has('igzip') && has.has('openssl')
      ? [
          written(
            place,
            IGZIP,
            line((to) => `igzip -1 > ${to} && sync ${to} && openssl dgst -sha256 ${to}`),
          ),
        ]
      : []),
    ...(has.has('igzip')
      ? [
          written(
            place,
            'tar | igzip -1',
            line((to) => `igzip -1 > ${to}`),
          ),
        ]
      : []),
    ...(has.has('pigz')
      ? [
          written(
            place,
            'tar | pigz -1',
            line((to) => `pigz -1 > ${to}`),
          ),
        ]
      : []),
  ];
}

/** Deduplicating, not a plain archive: what the format costs. */
function restic({ scratch, tree }: Place, { has }: OutsidePeers): Contender[] {
  if (!has.has('restic')) return [];
  const repository = join(scratch, 'restic');
  const command = `RESTIC_PASSWORD=bench restic --quiet --no-cache -r ${quoted(repository)}`;
  return [
    {
      name: 'restic',
      prepare: () => {
        fs.rmSync(repository, { recursive: true, force: true });
        run(`${command} init`, scratch);
      },
      // 3: some files could not be read, as of a tree that lives.
      run: () => run(`cd ${quoted(tree.directory)} && ${command} backup .`, scratch, DONE),
    },
  ];
}
