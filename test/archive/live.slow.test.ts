import { describe, expect, test } from 'vitest';
import { backUpWhileSwapped, backUpWhileWritten } from '../support/live-scene.ts';
import { needsProgram, output } from '../support/programs.ts';

describe('a server that is never still', () => {
  test('is backed up a hundred times out of a hundred while its files are written', async (context) => {
    needsProgram(context, 'tar');
    needsProgram(context, 'bsdtar');
    let archives = 0;
    await backUpWhileWritten(100, async (_archived, path) => {
      archives++;
      await output('gzip', ['--test', path]);
      await output(archives % 2 === 0 ? 'tar' : 'bsdtar', ['-tzf', path]);
    });
    expect(archives).toBe(100);
  });

  test('gives nothing away that lies outside in a hundred thousand swaps', async () => {
    const { backups, swaps } = await backUpWhileSwapped({ backups: 100, swaps: 100_000 });
    expect(backups).toBeGreaterThanOrEqual(100);
    expect(swaps).toBeGreaterThanOrEqual(100_000);
  });
});
