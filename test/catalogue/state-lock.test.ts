import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { lockStateDirectory } from '../../src/catalogue/state-lock.ts';
import { thrownBy } from '../support/rejection.ts';
import { scratchDirectory } from '../support/scratch.ts';

const HOLDER = fileURLToPath(new URL('../support/state-holder.ts', import.meta.url));

test('a state directory has one holder at a time', async () => {
  const directory = join(await scratchDirectory(), 'state');
  const lock = lockStateDirectory(directory);
  const refusal = thrownBy(() => lockStateDirectory(directory), 'internal');
  expect(refusal.message).toBe(`Cannot use the state directory ${directory}: another Roost uses it`);
  lock.release();
  lockStateDirectory(directory).release();
});

test('another process is refused too, until it is gone, however it went', async () => {
  const directory = await scratchDirectory();
  const holder = spawn(process.execPath, [HOLDER, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  thrownBy(() => lockStateDirectory(directory), 'internal');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  lockStateDirectory(directory).release();
});

test('a directory that cannot be is refused', () => {
  thrownBy(() => lockStateDirectory('/dev/null/state'), 'internal');
});
