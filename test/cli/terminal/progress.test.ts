import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duration, ProgressBar, progressLine, type ProgressState } from '../../../src/cli/terminal/progress.ts';
import { recordingTerminal } from '../recording-terminal.ts';

const HALF: ProgressState = {
  phase: 'archiving',
  bytesDone: 512 * 1024 ** 2,
  bytesTotal: 1024 ** 3,
  filesDone: 40,
  filesTotal: 80,
  bytesPerSecond: 256 * 1024 ** 2,
  etaSeconds: 2,
};

function heldClock(): { now(): number; monotonic(): number; at: number } {
  const clock = { at: 0, now: () => clock.at, monotonic: () => clock.at };
  return clock;
}

describe('the progress line', () => {
  it('shows the share, the bytes, the time left, the speed and the files where there is room', () => {
    const line = progressLine(HALF, 120);
    expect(line).toContain('archiving  [');
    expect(line).toContain(' 50%  512 MiB of 1.0 GiB  0:02 left  256 MiB/s  40/80 files');
    expect(line.match(/#+/)?.[0].length).toBe(line.match(/-+/)?.[0].length);
  });

  it('leaves out the least useful fields first on a narrow terminal', () => {
    const line = progressLine(HALF, 40);
    expect(line).toContain('50%');
    expect(line).toContain('512 MiB of 1.0 GiB');
    expect(line).not.toContain('files');
  });

  it('draws no bar while the total is not known', () => {
    const line = progressLine({ ...HALF, bytesTotal: 0, filesTotal: 0, etaSeconds: null }, 80);
    expect(line).not.toContain('[');
    expect(line).toContain('512 MiB');
    expect(line).not.toContain('%');
  });

  it('shows what was done alone when that is more than was expected', () => {
    const line = progressLine(
      { ...HALF, bytesDone: 52 * 1024 ** 2, bytesTotal: 2048, filesDone: 9, filesTotal: 3 },
      80,
    );
    expect(line).toContain('52.0 MiB');
    expect(line).not.toMatch(/%| of |left|\[/);
    expect(line).toContain('9 files');
  });

  it('is always narrower than the terminal, and never shows more than 100%', () => {
    const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    const state = fc.record({
      // A phase may say a percentage of its own.
      phase: fc.string({ maxLength: 12 }).map((phase) => phase.replaceAll('%', '_')),
      bytesDone: count,
      bytesTotal: count,
      filesDone: count,
      filesTotal: count,
      bytesPerSecond: count,
      etaSeconds: fc.option(fc.nat()),
    });
    fc.assert(
      fc.property(state, fc.integer({ min: 1, max: 300 }), (shown, columns) => {
        const line = progressLine(shown, columns);
        expect(line.length).toBeLessThan(columns);
        expect(Number(/(\d+)%/.exec(line)?.[1] ?? 0)).toBeLessThanOrEqual(100);
      }),
    );
  });

  it('writes durations as clocks do', () => {
    expect([7, 61, 3723, -4].map(duration)).toEqual(['0:07', '1:01', '1:02:03', '0:00']);
  });
});

describe('the progress bar', () => {
  it('writes nothing where stderr is no terminal', () => {
    const { terminal, stdout, stderr } = recordingTerminal();
    const bar = new ProgressBar(terminal, heldClock());
    bar.show(HALF);
    bar.end();
    expect([stdout.text, stderr.text]).toEqual(['', '']);
  });

  it('redraws at most ten times a second', () => {
    const { terminal, stderr } = recordingTerminal(80);
    const clock = heldClock();
    const bar = new ProgressBar(terminal, clock);
    for (; clock.at < 1000; clock.at += 10) bar.show(HALF);
    expect(stderr.text.split('\r').length - 1).toBe(10);
  });

  it('works out speed and time left from what was counted', () => {
    const { terminal, stderr } = recordingTerminal(120);
    const clock = heldClock();
    const bar = new ProgressBar(terminal, clock);
    clock.at = 2000;
    bar.count('verifying', { ...HALF, bytesDone: 100 * 1024 ** 2, bytesTotal: 400 * 1024 ** 2 });
    expect(stderr.text).toContain('50.0 MiB/s');
    expect(stderr.text).toContain('0:06 left');
  });

  it('guesses no time left in its first second', () => {
    const { terminal, stderr } = recordingTerminal(120);
    const clock = heldClock();
    const bar = new ProgressBar(terminal, clock);
    clock.at = 200;
    bar.count('archiving', { ...HALF, bytesDone: 512, bytesTotal: 400 * 1024 ** 2 });
    expect(stderr.text).toContain('400 MiB');
    expect(stderr.text).not.toContain('left');
  });

  it('is taken away before other words are written, and at the end', () => {
    const { terminal, stderr } = recordingTerminal(80);
    const bar = new ProgressBar(terminal, heldClock());
    bar.show(HALF);
    terminal.note('warning: something');
    expect(stderr.text.endsWith('\r\u001b[Kwarning: something\n')).toBe(true);
    bar.end();
    expect(stderr.text.endsWith('something\n')).toBe(true);
  });

  it('follows the terminal when it is made narrower', () => {
    const { terminal, stderr } = recordingTerminal(100);
    const clock = heldClock();
    const bar = new ProgressBar(terminal, clock);
    bar.show(HALF);
    stderr.columns = 30;
    clock.at = 200;
    bar.show(HALF);
    expect(stderr.text.split('\r\u001b[K').at(-1)?.length).toBeLessThan(30);
  });
});
