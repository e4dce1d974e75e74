import { expect, test } from 'vitest';
import { run } from './run.ts';

test.each([
  ['archive list', 'world.tar.gz world'],
  ['archive extract', 'world.tar.gz out world'],
  ['backup files', 'survival latest world'],
  ['backup restore', 'survival latest world'],
])('%s says how a path is named that comes as one argument too many', async (command, rest) => {
  const words = `${command} ${rest}`.split(' ');
  const { exitCode, stderr } = await run(words);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(
    /too many arguments[^\n]*\n[^\n]*\nhint: A path in the archive or backup is named with --path\.\n$/,
  );
  expect((await run([...words, '--json'])).json()).toMatchObject({ hint: expect.stringContaining('--path') as string });
});

test('other commands say no such thing', async () => {
  expect((await run(['archive', 'verify', 'world.tar.gz', 'world'])).stderr).not.toContain('hint');
});
