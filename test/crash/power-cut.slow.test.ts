/**
 * The power goes: everything that was not flushed is lost. Disks are images behind loop devices on which nothing is
 * written back unless a flush asks for it; they are copied unsynced at each answer and in the middle of calls, the copy
 * is mounted, which replays its journal, and a second daemon is started on it. It must find what was answered, a tree
 * that is wholly the old or the new one, and leave nothing of what was interrupted. Over a vault, some of the archives are
 * plain ones of the time before it was one; they are adopted among the other calls.
 *
 * POWER_CUTS (default 48) is how many cuts are made over all kinds of disks, POWER_CUT_SEED the dice.
 */
import { describe, expect, test } from 'vitest';
import { LAYOUT } from '../support/daemon.ts';
import { act, playPlain, startStoppable } from '../support/power-cut/daemon.ts';
import { type Cut, FILE_SYSTEMS, type FileSystem, makeDisks, missingFor } from '../support/power-cut/disks.ts';
import { Game, type Kind } from '../support/power-cut/game.ts';
import { faultsAfter } from '../support/power-cut/inspect.ts';
import { seededPicks } from '../support/seeded-picks.ts';

const CUTS = Number(process.env['POWER_CUTS'] ?? (LAYOUT === '' ? 48 : 16));
const SEED = Number(process.env['POWER_CUT_SEED'] ?? 20261129);
const COUNTS = ['one', 'two'] as const;
const PER_KIND = Math.ceil(CUTS / (FILE_SYSTEMS.length * COUNTS.length));
/** So many times a call of any kind flushes at least. */
const FEWEST_FLUSHES = 1;
const FLUSHES: Partial<Record<Kind, number>> = {
  // Of one archive: its file and its names, the recipe and its name, and that the plain name is gone.
  adopt: 5,
  // The pack that others are merged into and its name, its map and its name, and that what nothing names is gone.
  collect: 6,
};
const CUT_MS = 60_000;

for (const fileSystem of FILE_SYSTEMS) {
  const missing = missingFor(fileSystem);
  describe.skipIf(missing !== undefined)(
    `${fileSystem}${missing === undefined ? '' : ` (skipped: ${missing})`}`,
    () => {
      test.each(COUNTS)(
        `${LAYOUT === '' ? '' : 'V8, over a vault: '}on %s: what was answered survives, and what was not leaves nothing`,
        { timeout: 120_000 + PER_KIND * CUT_MS },
        async (count) => {
          const pick = seededPicks(SEED + FILE_SYSTEMS.indexOf(fileSystem) * 2 + COUNTS.indexOf(count));
          const disks = await makeDisks(fileSystem, count);
          const game = await Game.make(disks, pick);
          if (disks.layout === 'vault') await playPlain(disks, game);
          let daemon = await startStoppable(disks);
          // So that all kinds of calls are possible from the first cut on.
          for (let made = 0; made < 2; made++) await act(daemon, await game.call('create'));
          await daemon.takeCalls();
          const flushes = new Map<Kind, number>();
          const seen = { answered: 0, inMidCall: 0 };
          while (seen.answered + seen.inMidCall < PER_KIND) {
            if (disks.layout === 'vault' && !game.hasPlain) {
              await daemon.kill();
              await playPlain(disks, game);
              daemon = await startStoppable(disks);
            }
            const call = await game.next(seen.answered === 0 ? firstKind(game.kinds, fileSystem, count) : undefined);
            const before = game.expected(call);
            let cut: Cut | undefined;
            const passing = pick(flushes.get(call.kind) ?? FLUSHES[call.kind] ?? FEWEST_FLUSHES);
            await act(daemon, call, passing, async () => (cut = await disks.cut()));
            const after = await daemon.paused(() => disks.cut());
            flushes.set(call.kind, (await daemon.takeCalls()).length);
            const what = `seed ${SEED}, after ${seen.answered} answers: ${call.kind}`;
            if (cut !== undefined) {
              seen.inMidCall++;
              expect(await faultsAfter(disks, cut, before), `${what}, before flush ${passing + 1}`).toEqual([]);
            }
            seen.answered++;
            expect(await faultsAfter(disks, after, game.expected()), what).toEqual([]);
          }
          await daemon.kill();
          console.log(`${fileSystem}, ${count}: cuts`, seen);
        },
      );
    },
  );
}

/** Of few cuts on each kind of disks, the first ones are together of all kinds of calls of vaults. */
function firstKind(kinds: readonly Kind[], fileSystem: FileSystem, count: (typeof COUNTS)[number]): Kind | undefined {
  if (LAYOUT === '') return undefined;
  return kinds[(FILE_SYSTEMS.indexOf(fileSystem) * COUNTS.length + COUNTS.indexOf(count)) % kinds.length];
}
