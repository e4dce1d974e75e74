import fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import {
  estimateTree,
  extractArchive,
  OperationThreads,
  verifyArchive,
  writeArchive,
} from '../../../src/archive/archive.ts';
import { runThread } from '../../../src/archive/threads/run-thread.ts';
import type { Timers } from '../../../src/base/timers.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { memorySource, MemorySink, requestFor } from '../../support/written-archive.ts';

/** Timers that run out when the test says so. */
class Waiting implements Timers {
  readonly pending = new Map<() => void, number>();
  after(milliseconds: number, run: () => void): () => void {
    this.pending.set(run, milliseconds);
    return () => void this.pending.delete(run);
  }
  runOut(): void {
    for (const run of this.pending.keys()) run();
    this.pending.clear();
  }
}

const IDLE_MS = 1000;

/** Answers with its thread's number; fails when it is asked to, and passes on what its port received before. */
const NUMBERED = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, threadId } from 'node:worker_threads';
    parentPort.on('message', (message) => {
      if (message === 'quit') return parentPort.close();
      const { data, port } = message;
      const failure = { code: 'too_large', message: 'Cannot: too large', facts: {}, retry: false };
      const answer = (got) => {
        port.postMessage(data.fail ? { type: 'failed', failure } : { type: 'done', result: { threadId, got }, isLarge: data.isLarge });
        port.close();
      };
      if (data.waits !== true) return answer();
      port.once('message', answer);
      port.postMessage({ type: 'ready' });
    });
  `)}`,
);

let opened: OperationThreads[] = [];
afterEach(async () => {
  await Promise.all(opened.map((threads) => threads.close()));
  opened = [];
});

function threadsOf(options: Partial<ConstructorParameters<typeof OperationThreads>[0]> = {}): OperationThreads {
  const threads = new OperationThreads({ idleMs: IDLE_MS, ...options });
  opened.push(threads);
  return threads;
}

function number(threads: OperationThreads, data: object = {}, nice = 0): Promise<{ threadId: number; got: unknown }> {
  const options = { operation: 'read', data, threads, nice, doing: 'Cannot try' } as const;
  return runThread({ ...options, receive: (_event, { worker }) => worker.postMessage('a word of this operation') });
}

test('a thread whose operation was done serves the next one, with a port of its own', async () => {
  const threads = threadsOf({ file: NUMBERED, timers: new Waiting() });
  const first = await number(threads, { waits: true });
  const second = await number(threads);
  expect(first.got).toBe('a word of this operation');
  expect(second).toEqual({ threadId: first.threadId, got: undefined });
});

test('a thread that was started ahead serves the next operation, and one that none took ends when it is disposed of', async () => {
  const threads = threadsOf({ file: NUMBERED, idleMs: 0 });
  const ahead = threads.startAhead();
  const later = await number(threadsOf({ file: NUMBERED, idleMs: 0 }));
  const taken = await number(threads);
  expect(taken.threadId).toBeLessThan(later.threadId);
  await ahead[Symbol.asyncDispose]();
  await threads.startAhead()[Symbol.asyncDispose]();
  const fresh = await number(threads);
  expect(fresh.threadId).toBeGreaterThan(later.threadId + 1);
});

test('operations at the same time have threads of their own, and so has another priority', async () => {
  const threads = threadsOf({ file: NUMBERED, timers: new Waiting() });
  const together = await Promise.all([number(threads), number(threads)]);
  expect(new Set(together.map(({ threadId }) => threadId)).size).toBe(2);
  const nicer = await number(threads, {}, 1);
  expect(together.map(({ threadId }) => threadId)).not.toContain(nicer.threadId);
});

test('a thread whose operation failed serves no other', async () => {
  const threads = threadsOf({ file: NUMBERED, timers: new Waiting() });
  const { threadId } = await number(threads);
  await failureOf(number(threads, { fail: true }), 'too_large');
  expect((await number(threads)).threadId).not.toBe(threadId);
});

test('an idle thread ends when its time is over, and its memory is given back then', async () => {
  const timers = new Waiting();
  const givenBack = Promise.withResolvers<void>();
  const onEnded = (): Promise<void> => Promise.resolve(givenBack.resolve());
  const threads = threadsOf({ file: NUMBERED, timers, onEnded });
  const { threadId } = await number(threads);
  expect([...timers.pending.values()]).toEqual([IDLE_MS]);
  timers.runOut();
  await givenBack.promise;
  expect((await number(threads)).threadId).not.toBe(threadId);
});

test('a thread that holds much memory ends after its operation, and its memory is given back then', async () => {
  const timers = new Waiting();
  const givenBack = Promise.withResolvers<void>();
  const onEnded = (): Promise<void> => Promise.resolve(givenBack.resolve());
  const threads = threadsOf({ file: NUMBERED, timers, onEnded });
  const { threadId } = await number(threads, { isLarge: true });
  await givenBack.promise;
  expect(timers.pending.size).toBe(0);
  expect((await number(threads)).threadId).not.toBe(threadId);
});

test('an estimate of a few names leaves its thread to the next operation', async () => {
  const timers = new Waiting();
  const threads = threadsOf({ timers });
  const root = await scratchDirectory();
  await estimateTree({ root, ignore: [], exclude: [], threads });
  expect(timers.pending.size).toBe(1);
});

test('a thread that reads archives stays, however many they are', async () => {
  const ended: unknown[] = [];
  const onEnded = (): Promise<void> => Promise.resolve(void ended.push(1));
  const threads = threadsOf({ timers: new Waiting(), onEnded });
  const root = await scratchDirectory();
  fs.writeFileSync(join(root, 'file'), 'a content '.repeat(1000));
  const { archive, index } = await written(root);
  const source = { archive: memorySource(archive), index: memorySource(index) };
  for (let read = 0; read < 5; read++) await verifyArchive({ source, threads, workers: 2 });
  await estimateTree({ root, ignore: [], exclude: [], threads });
  expect(ended).toEqual([]);
});

test('a thread at work is not counted as idle', async () => {
  const timers = new Waiting();
  const threads = threadsOf({ file: NUMBERED, timers });
  await number(threads);
  const working = number(threads, { waits: true });
  expect(timers.pending.size).toBe(0);
  await working;
});

test('after it was closed, no thread stays', async () => {
  const timers = new Waiting();
  const threads = threadsOf({ file: NUMBERED, timers });
  await number(threads);
  await threads.close();
  await number(threads);
  expect(timers.pending.size).toBe(0);
});

/** The working directories and the open files below `root` that threads of this process hold. */
function heldBelow(root: string): string[] {
  const linkOf = (path: string): string => {
    try {
      return fs.readlinkSync(path);
    } catch {
      return '';
    }
  };
  const directories = fs.readdirSync('/proc/self/task').map((thread) => linkOf(`/proc/self/task/${thread}/cwd`));
  const files = fs.readdirSync('/proc/self/fd').map((descriptor) => linkOf(`/proc/self/fd/${descriptor}`));
  return [...directories, ...files].filter((path) => path.startsWith(root));
}

async function written(root: string, threads?: OperationThreads) {
  const [archive, index] = [new MemorySink(), new MemorySink()];
  // By zlib, whose output depends on nothing but the bytes.
  const { sha256 } = await writeArchive(requestFor(root, { archive, index, engine: 'zlib', threads }));
  return { sha256, archive: archive.bytes, index: index.bytes };
}

test('writing, reading and estimating in threads that stay gives what it gives in new ones, and holds nothing', async () => {
  const threads = threadsOf({ timers: new Waiting() });
  const trees: string[] = [];
  for (const content of ['a long first content '.repeat(60_000), 'short']) {
    const root = await scratchDirectory();
    fs.mkdirSync(join(root, 'deep/er'), { recursive: true });
    fs.writeFileSync(join(root, 'deep/er/file'), content);
    trees.push(root);
  }
  for (const root of [...trees, ...trees]) {
    const kept = await written(root, threads);
    expect(kept.sha256).toBe((await written(root)).sha256);
    const into = await scratchDirectory();
    const source = { archive: memorySource(kept.archive), index: memorySource(kept.index) };
    const policy = { owner: 'archive', setuid: 'strip', overwrite: false, durable: false } as const;
    const limits = { maxBytes: 0, maxEntries: 0 };
    await extractArchive({ source, into, ...policy, limits, workers: 2, threads });
    expect(fs.readFileSync(join(into, 'deep/er/file'))).toEqual(fs.readFileSync(join(root, 'deep/er/file')));
    const { files } = await estimateTree({ root, ignore: [], exclude: [], threads });
    expect(files).toBe(1);
    expect([...heldBelow(root), ...heldBelow(into)]).toEqual([]);
  }
});
