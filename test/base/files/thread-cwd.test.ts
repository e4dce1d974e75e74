import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { openRoot, statChild } from '../../../src/base/files/handles.ts';
import { enterDirectory, ownDirectory } from '../../../src/base/files/thread-cwd.ts';
import type { OwnDirectoryAnswer, OwnDirectoryData } from '../../support/own-directory-thread.ts';
import { scratchDirectory } from '../../support/scratch.ts';

async function lookIn(workerData: OwnDirectoryData): Promise<OwnDirectoryAnswer> {
  const worker = new Worker(new URL('../../support/own-directory-thread.ts', import.meta.url), { workerData });
  const [answer] = (await once(worker, 'message')) as [OwnDirectoryAnswer];
  await once(worker, 'exit');
  return answer;
}

async function twoDirectories(name: string | Buffer): Promise<string[]> {
  const root = await scratchDirectory();
  return ['first', 'the second one'].map((content) => {
    const directory = join(root, content);
    mkdirSync(directory);
    writeFileSync(
      typeof name === 'string' ? join(directory, name) : Buffer.concat([Buffer.from(`${directory}/`), name]),
      content,
    );
    return directory;
  });
}

test('a thread resolves names against the directory that is asked for, also when it has another one’s number', async () => {
  const directories = await twoDirectories('level.dat');
  const answer = await lookIn({ directories, name: 'level.dat' });
  expect(answer).toMatchObject({
    own: true,
    read: ['first', 'the second one'],
    readByOneNumber: ['first', 'the second one'],
  });
  expect(directories).toContain(answer.directory);
});

test('a name that is no text is found as well', async () => {
  const name = Buffer.from([0x77, 0xff, 0xe9]);
  const answer = await lookIn({ directories: await twoDirectories(name), name: name.toString('latin1') });
  expect(answer.read).toEqual(['first', 'the second one']);
});

test('what cannot be entered fails as it does without a directory of one’s own', async () => {
  const answer = await lookIn({ directories: await twoDirectories('server.jar'), name: 'server.jar' });
  expect(answer.belowFile).toBe('ENOTDIR');
});

test('a number that means no directory is entered nowhere', async () => {
  const cwd = process.cwd();
  process.chdir(await scratchDirectory());
  onTestFinished(() => process.chdir(cwd));
  writeFileSync('eula.txt', '');
  expect(enterDirectory(-1)).toBe(false);
  expect(statChild(-1, 'eula.txt')).toBeUndefined();
});

test('the process keeps its working directory, and the main thread never gives it up', async () => {
  const before = process.cwd();
  const directories = await twoDirectories('a');
  await lookIn({ directories, name: 'a' });
  expect(ownDirectory()).toBe(false);
  const handle = openRoot(directories[0] ?? '');
  onTestFinished(() => closeSync(handle));
  expect(enterDirectory(handle)).toBe(false);
  expect(process.cwd()).toBe(before);
});

test('file calls of the whole process stay where it began, also when such a thread makes the first of them', async () => {
  const [directory = ''] = await twoDirectories('a');
  const child = fileURLToPath(new URL('../../support/own-directory-child.ts', import.meta.url));
  const cwd = await scratchDirectory();
  writeFileSync(join(cwd, 'a'), 'where the process began');
  const { stdout } = await promisify(execFile)(process.execPath, [child, directory, 'a'], { cwd });
  expect(stdout).toBe('true where the process began');
});
