import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forgetAddress, readAddress, writeAddress } from '../../src/catalogue/state-address.ts';
import { lockStateDirectory } from '../../src/catalogue/state-lock.ts';
import { scratchDirectory } from '../support/scratch.ts';

const URL_NOW = 'http://127.0.0.1:8091';

test('the address counts while the daemon holds the lock, not after a crash that left it behind', async () => {
  const directory = await scratchDirectory();
  expect(readAddress(directory)).toBeUndefined();
  const lock = lockStateDirectory(directory);
  writeAddress(directory, URL_NOW);
  expect(readAddress(directory)?.port).toBe('8091');
  lock.release();
  expect(readAddress(directory)).toBeUndefined();
});

test('an address that was forgotten is none, and forgetting it twice does no harm', async () => {
  const directory = await scratchDirectory();
  const lock = lockStateDirectory(directory);
  writeAddress(directory, URL_NOW);
  forgetAddress(directory);
  forgetAddress(directory);
  expect(readAddress(directory)).toBeUndefined();
  lock.release();
});

test('what is no address, too long or a link is none', async () => {
  const directory = await scratchDirectory();
  const lock = lockStateDirectory(directory);
  for (const text of ['', 'nonsense', 'file:///etc/passwd', `${URL_NOW}/${'x'.repeat(1000)}`]) {
    await writeFile(join(directory, 'address'), text);
    expect(readAddress(directory)).toBeUndefined();
  }
  await writeFile(join(directory, 'elsewhere'), URL_NOW);
  forgetAddress(directory);
  await symlink(join(directory, 'elsewhere'), join(directory, 'address'));
  expect(readAddress(directory)).toBeUndefined();
  lock.release();
});
