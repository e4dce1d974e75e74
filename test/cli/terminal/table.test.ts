import { describe, expect, test } from 'vitest';
import { painted, wantsColour } from '../../../src/cli/terminal/colour.ts';
import { table } from '../../../src/cli/terminal/table.ts';
import { recordingTerminal } from '../recording-terminal.ts';

const HEADINGS = ['ID', 'STATUS', 'NAME'];
const ROWS = [
  ['aaaaaaaa', 'COMPLETED', 'nightly'],
  ['bbbbbbbb', 'FAILED', `FAILED ${'because '.repeat(20)}`],
];

describe('a table', () => {
  test('in a pipe has every word, and no colour', () => {
    const text = table(HEADINGS, ROWS, { columns: undefined, colour: false });
    expect(text).toContain('because '.repeat(20).trim());
    expect(text).not.toContain('\u001b');
  });

  test('on a terminal is as wide as that, by its last column', () => {
    const lines = table(HEADINGS, ROWS, { columns: 80, colour: false }).split('\n');
    expect(lines[2]).toHaveLength(80);
    expect(lines[2]).toMatch(/^bbbbbbbb {2}FAILED {5}FAILED because .*…$/);
    // Too narrow for all columns, it keeps them readable instead.
    expect(table(HEADINGS, ROWS, { columns: 10, colour: false })).toContain('FAILED …');
  });

  test('has the colour of a state in its column alone, without moving the others', () => {
    const [head, good, bad] = table(HEADINGS, ROWS, { columns: 80, colour: true }).split('\n');
    expect(head).toBe('ID        STATUS     NAME');
    expect(good).toBe('aaaaaaaa  \u001b[32mCOMPLETED\u001b[39m  nightly');
    expect(bad?.startsWith('bbbbbbbb  \u001b[31mFAILED   \u001b[39m  FAILED because')).toBe(true);
  });
});

describe('colours', () => {
  test.each([
    [{}, true],
    [{ NO_COLOR: '' }, true],
    [{ NO_COLOR: '1' }, false],
    [{ TERM: 'dumb' }, false],
  ])('with %j are wanted: %s', (env, wanted) => {
    expect(wantsColour(env)).toBe(wanted);
  });

  test('are on a terminal alone, and in the first word of a line on stderr', () => {
    const shown = (columns: number | undefined, colour: boolean) => {
      const { terminal, stderr } = recordingTerminal(columns, colour);
      terminal.note('roost: Cannot go on: it failed');
      return [terminal.style, stderr.text];
    };
    const plain = 'roost: Cannot go on: it failed\n';
    expect(shown(80, true)).toEqual([{ columns: 80, colour: true }, `${painted('roost')}${plain.slice(5)}`]);
    expect(shown(80, false)).toEqual([{ columns: 80, colour: false }, plain]);
    expect(shown(undefined, true)).toEqual([{ columns: undefined, colour: false }, plain]);
  });

  test('leave words without a meaning alone', () => {
    expect(painted('RESTORING')).toBe('RESTORING');
  });
});
