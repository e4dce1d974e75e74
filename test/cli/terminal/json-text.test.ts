import { expect, test } from 'vitest';
import { jsonText } from '../../../src/cli/terminal/json-text.ts';
import { run } from '../run.ts';

const TEXTS = [
  'c1\u009b31m',
  'rtl\u202egnp.exe',
  '\u0080\u009f\u007f',
  '\u2066isolate\u2069',
  'zero\u200bwidth',
  '\u061c\ufeff\u2028',
  'ü€😀',
];

test('JSON holds no character that a terminal obeys, and reads back as it was', () => {
  const text = jsonText({ [TEXTS.join('')]: TEXTS });
  // oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
  expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u);
  expect(JSON.parse(text)).toEqual({ [TEXTS.join('')]: TEXTS });
  expect(text).toContain('\\u009b31m');
  expect(text).toContain('ü€😀');
});

test.each([
  ['an unknown command', ['\u001b[31mcmd']],
  ['an unknown option', ['archive', 'list', '--\u001b]0;title\u0007', 'x']],
  ['an unknown command with C1 and bidirectional characters', ['\u009b31m\u202ecmd', '--json']],
])('%s is named without what a terminal obeys', async (_, argv) => {
  const { stdout, stderr } = await run(argv);
  // oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
  expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/u);
  expect(stderr).not.toBe('');
});
