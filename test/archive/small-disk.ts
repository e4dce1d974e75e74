import { execFileSync } from 'node:child_process';
import { onTestFinished, type TestContext } from 'vitest';
import { scratchDirectory } from '../support/scratch.ts';

/** @param program of the host. */
const run = (program: string, words: readonly string[]): void => void execFileSync(program, words, { stdio: 'pipe' });

/** An empty directory on a file system of its own; skips the test, with the reason, where none may be mounted. */
export async function smallDisk(context: TestContext, options: string): Promise<string> {
  const directory = await scratchDirectory();
  try {
    run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
  } catch (error) {
    context.skip(true, `no file system may be mounted here: ${String(error)}`);
  }
  onTestFinished(() => run('umount', ['--lazy', directory]));
  return directory;
}
