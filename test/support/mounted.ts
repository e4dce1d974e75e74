import { execFileSync } from 'node:child_process';
import { onTestFinished, type TestContext } from 'vitest';

/** Mounts a small file system of its own on a directory; skips the test where none may be mounted. */
export function mountTmpfs(context: TestContext, directory: string, options = 'size=8m'): void {
  const run = (program: string, words: readonly string[]): void => {
    execFileSync(program, words, { stdio: 'pipe' });
  };
  try {
    run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
  } catch (error) {
    context.skip(true, `no file system may be mounted here: ${String(error)}`);
  }
  onTestFinished(() => run('umount', ['--lazy', directory]));
}
