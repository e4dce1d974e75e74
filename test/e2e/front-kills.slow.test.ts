/**
 * Check 12 with kills: daemons that end at any step of a restore, or of the recovery of one, before a Wings that starts
 * the game at any moment by itself.
 */
import { expect, test } from 'vitest';
import { runDaemonOn } from '../support/daemon.ts';
import { startMortal } from '../support/daemon-process.ts';
import { eventually } from '../support/eventually.ts';
import { seededPicks } from '../support/seeded-picks.ts';
import { backUp, frontHost, type FrontHost, isIdle, restore } from '../support/wings/front-host.ts';

const KILLS = Number(process.env['FRONT_KILLS'] ?? 8);
const STEPS = 26;

/** A start from elsewhere: queued behind what Wings does, or sent and lost when it is busy. */
function startFromElsewhere({ game }: FrontHost, pick: (count: number) => number): NodeJS.Timeout {
  return setTimeout(() => void game.power('start', pick(2) * 30), pick(1500));
}

test(
  `check 12: after each of ${KILLS} kills the tree is the old one or the new one, and the game runs on it`,
  { timeout: 60_000 + KILLS * 20_000 },
  async () => {
    const pick = seededPicks(Number(process.env['FRONT_SEED'] ?? 1));
    const scene = await frontHost();
    const { game, world, host } = scene;
    const { daemon, call } = await runDaemonOn(host);
    const backups = new Map<string, string>([['one', await backUp(call)]]);
    world.make('two');
    backups.set('two', await backUp(call));
    await daemon.stop();
    await game.power('start');
    let kills = 0;
    let finished = 0;
    while (kills < KILLS) {
      const [wanted, backup] = [...backups][pick(2)] ?? [];
      const [before] = world.generations();
      const dieAt = pick(STEPS);
      const timer = startFromElsewhere(scene, pick);
      const mortal = await startMortal(host, dieAt);
      if (mortal !== undefined) {
        await restore(mortal.call, backup ?? '').catch(() => undefined);
        const ended = eventually(() => isIdle(mortal.call)).catch(() => undefined);
        if ((await Promise.race([ended.then(() => 'ended'), mortal.gone.then(() => 'killed')])) === 'ended') finished++;
        await mortal.kill();
      }
      kills++;
      clearTimeout(timer);
      const next = await startMortal(host, null);
      if (next === undefined) throw new Error('a daemon that nothing kills has ended');
      await eventually(() => isIdle(next.call));
      await eventually(() => game.state === 'running' && world.loaded === world.generations().join());
      expect([before, wanted]).toContain(world.generations().join());
      await next.kill();
    }
    // Not all of them were killed after the end, nor all before.
    if (KILLS > 50) expect(finished).toBeLessThan(KILLS);
  },
);
