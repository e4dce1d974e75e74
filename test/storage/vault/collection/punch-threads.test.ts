/** Threads that give dead blocks back: what they free, and that their death is a Failure in time. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, type TestContext } from 'vitest';
import { BLOCK, type Stretch } from '../../../../src/storage/vault/collection/dead-data.ts';
import { freesHoles } from '../../../../src/storage/vault/collection/punch.ts';
import { PunchThreads } from '../../../../src/storage/vault/collection/punch-threads.ts';
import { failureOf } from '../../../support/rejection.ts';
import { scratchDirectory } from '../../../support/scratch.ts';

const DYING = new URL('../../../support/dying-punch-thread.ts', import.meta.url);
const DYING_IDLE = new URL('../../../support/idle-death-thread.ts', import.meta.url);

/** A file of so many bytes, open for writing. */
async function scratchFile(context: TestContext, length: number) {
  const directory = await scratchDirectory();
  context.skip(!(await freesHoles(directory)), 'skipped: this file system gives no holes back');
  const path = join(directory, 'file');
  const bytes = randomBytes(length);
  fs.writeFileSync(path, bytes);
  const descriptor = fs.openSync(path, 'r+');
  fs.fsyncSync(descriptor);
  onTestFinished(() => fs.closeSync(descriptor));
  return { path, bytes, descriptor, disk: () => fs.fstatSync(descriptor).blocks * 512 };
}

/** All of a file, of which these blocks are needed. */
function needing(length: number, ...blocks: readonly number[]): Stretch {
  const marks = new Uint8Array(Math.ceil(length / BLOCK / 8));
  for (const block of blocks) marks[block >>> 3] = (marks[block >>> 3] ?? 0) | (1 << (block & 7));
  return { offset: 0, length, marks };
}

test('dead blocks come back, the last one as a whole, once, and the others stay', async (context) => {
  const length = 20 * BLOCK + 100;
  const { path, bytes, descriptor, disk } = await scratchFile(context, length);
  await using threads = new PunchThreads();
  const stretch = needing(length, 0, 7, 12);
  expect(await threads.punch({ descriptor, stretch })).toBe(length - 3 * BLOCK);
  expect(disk()).toBe(3 * BLOCK);
  expect(await threads.punch({ descriptor, stretch })).toBe(0);
  const kept = fs.readFileSync(path);
  expect(kept.length).toBe(length);
  for (const block of [0, 7, 12]) {
    const [from, end] = [block * BLOCK, (block + 1) * BLOCK];
    expect(kept.subarray(from, end).equals(bytes.subarray(from, end))).toBe(true);
  }
});

test('what is a hole already is neither counted nor punched again', async (context) => {
  const { descriptor } = await scratchFile(context, 0);
  fs.ftruncateSync(descriptor, 64 * BLOCK);
  fs.writeSync(descriptor, randomBytes(BLOCK), 0, BLOCK, 9 * BLOCK);
  fs.writeSync(descriptor, randomBytes(BLOCK), 0, BLOCK, 40 * BLOCK);
  await using threads = new PunchThreads();
  // From the data to the needed block; the range behind it from its data to its end.
  expect(await threads.punch({ descriptor, stretch: needing(64 * BLOCK, 10) })).toBe(BLOCK + 24 * BLOCK);
});

test('two tasks at once are done by two threads, and both end', async (context) => {
  const files = [await scratchFile(context, 40 * BLOCK), await scratchFile(context, 40 * BLOCK)];
  await using threads = new PunchThreads();
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      files.map(async ({ descriptor }) => {
        const freed = await threads.punch({ descriptor, stretch: needing(40 * BLOCK, 20) });
        expect(freed).toBe(round === 0 ? 39 * BLOCK : 0);
      }),
    );
  }
});

test.for([
  ['in the middle of a task', DYING],
  ['at its start, as it has no code', new URL('no-such-thread.ts', import.meta.url)],
] as const)('a thread that dies %s fails the task, and what follows is not held up', async ([, file], context) => {
  const { descriptor } = await scratchFile(context, 40 * BLOCK);
  const threads = new PunchThreads(file);
  const task = { descriptor, stretch: needing(40 * BLOCK, 20) };
  const failure = await failureOf(threads.punch(task), 'internal');
  expect(failure.message).toContain('Cannot give back what no backup needs');
  await failureOf(threads.punch(task), 'internal');
  await threads[Symbol.asyncDispose]();
});

test('a thread that died between two tasks fails the second', async (context) => {
  const { descriptor } = await scratchFile(context, BLOCK);
  await using threads = new PunchThreads(DYING_IDLE);
  const task = { descriptor, stretch: needing(BLOCK) };
  expect(await threads.punch(task)).toBe(1);
  await failureOf(threads.punch(task), 'internal');
});
