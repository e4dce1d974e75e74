import { describe, expect, test } from 'vitest';
import { backUpWhileSwapped, backUpWhileWritten } from '../support/live-scene.ts';
import { needsProgram, output } from '../support/programs.ts';

/** LIVE_BACKUPS makes shorter and longer runs. */
const BACKUPS = Number(process.env['LIVE_BACKUPS'] ?? 100);
const SWAPS = BACKUPS * 1000;

describe('a server that is never still', () => {
  test(`is backed up ${BACKUPS} times out of ${BACKUPS} while its files are written`, async (context) => {
    needsProgram(context, 'tar');
    needsProgram(context, 'bsdtar');
    let archives = 0;
    await backUpWhileWritten(BACKUPS, async (_archived, path) => {
      archives++;
      await output('gzip', ['--test', path]);
      await output(archives % 2 === 0 ? 'tar' : 'bsdtar', ['-tzf', path]);
    });
    expect(archives).toBe(BACKUPS);
  });

  test(`gives nothing away that lies outside in ${SWAPS} swaps`, async () => {
    const { backups, swaps } = await backUpWhileSwapped({ backups: BACKUPS, swaps: SWAPS });
    expect(backups).toBeGreaterThanOrEqual(BACKUPS);
    expect(swaps).toBeGreaterThanOrEqual(SWAPS);
  });
});
