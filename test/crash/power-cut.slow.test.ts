/**
 * The power goes: everything that was not flushed is lost. Disks are images behind loop devices on which nothing is
 * written back unless a flush asks for it; they are copied unsynced at each answer and in the middle of calls, the copy
 * is mounted, which replays its journal, and a second daemon is started on it. It must find what was answered, a tree
 * that is wholly the old or the new one, and leave nothing of what was interrupted.
 *
 * POWER_CUTS (default 48) is how many cuts are made over all kinds of disks, POWER_CUT_SEED the dice.
 */
import { describe, expect, test } from 'vitest';
import { LAYOUT } from '../support/daemon.ts';
import { act, startStoppable } from '../support/power-cut/daemon.ts';
import { type Cut, FILE_SYSTEMS, makeDisks, missingFor } from '../support/power-cut/disks.ts';
import { Game, type Kind } from '../support/power-cut/game.ts';
import { faultsAfter } from '../support/power-cut/inspect.ts';
import { seededPicks } from '../support/seeded-picks.ts';

const CUTS = Number(process.env['POWER_CUTS'] ?? (LAYOUT === '' ? 48 : 16));
const SEED = Number(process.env['POWER_CUT_SEED'] ?? 20261129);
const COUNTS = ['one', 'two'] as const;
const PER_KIND = Math.ceil(CUTS / (FILE_SYSTEMS.length * COUNTS.length));
/** So many times a call of any kind flushes at least. */
const FEWEST_FLUSHES = 1;
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
          const game = await Game.make(disks.servers, pick);
          const daemon = await startStoppable(disks);
          // So that all kinds of calls are possible from the first cut on.
          for (let made = 0; made < 2; made++) await act(daemon, await game.call('create'));
          await daemon.takeCalls();
          const flushes = new Map<Kind, number>();
          const seen = { answered: 0, inMidCall: 0 };
          while (seen.answered + seen.inMidCall < PER_KIND) {
            const call = await game.next();
            const before = game.expected(call);
            let cut: Cut | undefined;
            const passing = pick(flushes.get(call.kind) ?? FEWEST_FLUSHES);
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
