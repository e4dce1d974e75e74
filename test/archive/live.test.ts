import { describe, expect, test } from 'vitest';
import { backUpWhileSwapped, backUpWhileWritten } from '../support/live-scene.ts';
import { needsProgram, output } from '../support/programs.ts';

describe('a server that is never still', () => {
  test('is backed up ten times out of ten while its files are written, replaced, renamed and deleted', async (context) => {
    needsProgram(context, 'tar');
    let archives = 0;
    await backUpWhileWritten(10, async (_archived, path) => {
      archives++;
      if (archives % 5 !== 0) return;
      await output('gzip', ['--test', path]);
      await output('tar', ['--list', '--gzip', '--file', path]);
    });
    expect(archives).toBe(10);
  });

  test('gives nothing away that lies outside, however its owner swaps directories and files for links', async () => {
    const { backups, swaps } = await backUpWhileSwapped({ backups: 10, swaps: 1000 });
    expect(backups).toBeGreaterThanOrEqual(10);
    expect(swaps).toBeGreaterThanOrEqual(1000);
  });
});
