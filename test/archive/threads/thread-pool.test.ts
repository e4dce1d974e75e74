import { expect, test } from 'vitest';
import { ThreadPool } from '../../../src/archive/threads/thread-pool.ts';
import { failureOf } from '../../support/rejection.ts';

interface Task {
  readonly text: string;
}

/** A thread's code, given as text: it answers in capitals, fails on `fail`, dies on `die`, and ends when it is told. */
const ANSWERING = threadOf(`
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', (message) => {
    if (message === 'end') return parentPort.close();
    const { id, text } = message;
    if (text === 'die') throw new Error('the thread was told to die');
    const failure = { code: 'internal', message: 'Cannot answer: told to fail', facts: {}, retry: false };
    parentPort.postMessage(text === 'fail' ? { id, failure } : { id, result: text.toUpperCase() });
  });
`);
const DYING_AT_ONCE = threadOf(`throw new Error('the thread cannot start');`);
const SILENT = threadOf(`
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', (message) => { if (message === 'end') parentPort.close(); });
`);

function threadOf(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

async function withPool<T>(file: URL, count: number, use: (pool: ThreadPool<Task, string>) => Promise<T>): Promise<T> {
  const pool = new ThreadPool<Task, string>(file, count, undefined);
  try {
    return await use(pool);
  } finally {
    await pool.close();
  }
}

test('answers come back to whoever asked, from whichever thread', async () => {
  const texts = Array.from({ length: 50 }, (_, index) => `text ${index}`);
  const answers = await withPool(ANSWERING, 3, (pool) => Promise.all(texts.map((text) => pool.run({ text }))));
  expect(answers).toEqual(texts.map((text) => text.toUpperCase()));
});

test('a thread starts only when all before it are busy, and no more than the count', async () => {
  const started = new Int32Array(new SharedArrayBuffer(4));
  const counting = threadOf(`
    import { parentPort, workerData } from 'node:worker_threads';
    Atomics.add(workerData, 0, 1);
    parentPort.on('message', (message) => {
      if (message === 'end') return parentPort.close();
      parentPort.postMessage({ id: message.id, result: message.text });
    });
  `);
  const pool = new ThreadPool<Task, string>(counting, 3, started);
  try {
    for (const text of ['one', 'two', 'three']) await pool.run({ text });
    expect(started[0]).toBe(1);
    await Promise.all(['four', 'five'].map((text) => pool.run({ text })));
    expect(started[0]).toBe(2);
    await Promise.all(Array.from({ length: 20 }, (_, index) => pool.run({ text: `${index}` })));
    expect(started[0]).toBe(3);
  } finally {
    await pool.close();
  }
});

test('a failure that a thread answers is that task’s alone', async () => {
  await withPool(ANSWERING, 1, async (pool) => {
    const failing = pool.run({ text: 'fail' });
    const after = pool.run({ text: 'after' });
    expect((await failureOf(failing, 'internal')).message).toBe('Cannot answer: told to fail');
    expect(await after).toBe('AFTER');
  });
});

test('a thread that dies fails what it was working on, and says why', async () => {
  await withPool(ANSWERING, 1, async (pool) => {
    const tasks = [pool.run({ text: 'die' }), pool.run({ text: 'behind it' })];
    for (const task of tasks) {
      expect((await failureOf(task, 'internal')).message).toContain('the thread was told to die');
    }
  });
});

test('a task given to a thread that has died is refused instead of waiting for ever', async () => {
  await withPool(ANSWERING, 1, async (pool) => {
    await failureOf(pool.run({ text: 'die' }));
    expect((await failureOf(pool.run({ text: 'later' }), 'internal')).message).toContain('a worker thread ended');
  });
});

test('a pool whose threads cannot start refuses every task', async () => {
  await withPool(DYING_AT_ONCE, 2, async (pool) => {
    for (let round = 0; round < 4; round++) {
      expect((await failureOf(pool.run({ text: 'any' }), 'internal')).message).toContain('the thread cannot start');
    }
  });
});

test('closing waits for the threads, and fails what they leave unanswered', async () => {
  const pool = new ThreadPool<Task, string>(SILENT, 2, undefined);
  const unanswered = pool.run({ text: 'first' });
  await pool.close();
  await failureOf(unanswered, 'internal');
});

test('closing lets a thread answer what it was given before', async () => {
  const pool = new ThreadPool<Task, string>(ANSWERING, 1, undefined);
  const answer = pool.run({ text: 'last' });
  await pool.close();
  expect(await answer).toBe('LAST');
});
