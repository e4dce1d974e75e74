import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { takeStateLock } from '../../src/catalogue/state-lock.ts';
import { thrownBy } from '../support/rejection.ts';
import { scratchDirectory } from '../support/scratch.ts';

describe('the lock of a state directory', () => {
  test('lets one in, and the next when that one has left', async () => {
    const directory = join(await scratchDirectory(), 'state');
    const lock = takeStateLock(directory);
    const failure = thrownBy(() => takeStateLock(directory), 'config_invalid');
    expect(failure.message).toContain(directory);
    lock.release();
    takeStateLock(directory).release();
  });

  test('is held against another process, and ends with it however it dies', async () => {
    const directory = await scratchDirectory();
    const code = `
      const { takeStateLock } = await import(${JSON.stringify(new URL('../../src/catalogue/state-lock.ts', import.meta.url).href)});
      takeStateLock(${JSON.stringify(directory)});
      console.log('taken');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    thrownBy(() => takeStateLock(directory), 'config_invalid');
    child.kill('SIGKILL');
    await once(child, 'exit');
    takeStateLock(directory).release();
  });

  test('a directory that cannot be made is a failure with its errno', () => {
    const failure = thrownBy(() => takeStateLock('/proc/nothing/here'));
    expect(failure.facts['errno']).toBe('ENOENT');
  });
});
