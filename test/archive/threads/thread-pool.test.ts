import { expect, test } from 'vitest';
import { TaskThreads } from '../../../src/archive/threads/task-threads.ts';
import { ThreadPool } from '../../../src/archive/threads/thread-pool.ts';
import { failureOf } from '../../support/rejection.ts';

interface Task {
  readonly text: string;
}

/** A thread's code, given as text: it answers in capitals, fails on `fail`, dies on `die`, and ends when it is told. */
const ANSWERING = threadOf(`
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', (message) => {
    if (message === 'quit') return parentPort.close();
    if (message === 'end') return parentPort.postMessage('end');
    const { id, text } = message;
    if (text === undefined) return;
    if (text === 'die') throw new Error('the thread was told to die');
    const failure = { code: 'internal', message: 'Cannot answer: told to fail', facts: {}, retry: false };
    parentPort.postMessage(text === 'fail' ? { id, failure } : { id, result: text.toUpperCase() });
  });
`);
const DYING_AT_ONCE = threadOf(`throw new Error('the thread cannot start');`);
/** Answers with its own number, and what it was told to begin. */
const NUMBERED = threadOf(`
  import { parentPort, threadId } from 'node:worker_threads';
  let begun = '';
  parentPort.on('message', (message) => {
    if (message === 'quit') parentPort.close();
    else if (message === 'end') parentPort.postMessage('end');
    else if ('begin' in message) begun = message.begin;
    else parentPort.postMessage({ id: message.id, result: threadId + ' ' + begun });
  });
`);
const SILENT = threadOf(`
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', (message) => {
    if (message === 'quit') parentPort.close();
    if (message === 'end') parentPort.postMessage('end');
  });
`);

function threadOf(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

const BEGIN = { begin: 'answering', data: {} };

async function withPool<T>(file: URL, count: number, use: (pool: ThreadPool<Task, string>) => Promise<T>): Promise<T> {
  const threads = new TaskThreads(file);
  const pool = new ThreadPool<Task, string>(threads, count, BEGIN);
  try {
    return await use(pool);
  } finally {
    await pool.close();
    await threads.quit();
  }
}

test('answers come back to whoever asked, from whichever thread', async () => {
  const texts = Array.from({ length: 50 }, (_, index) => `text ${index}`);
  const answers = await withPool(ANSWERING, 3, (pool) => Promise.all(texts.map((text) => pool.run({ text }))));
  expect(answers).toEqual(texts.map((text) => text.toUpperCase()));
});

test('a thread starts only when all before it are busy, and no more than the count', async () => {
  const answering = new Set<string>();
  await withPool(NUMBERED, 3, async (pool) => {
    const ask = async (text: string) => void answering.add(await pool.run({ text }));
    for (const text of ['one', 'two', 'three']) await ask(text);
    expect(answering.size).toBe(1);
    await Promise.all(['four', 'five'].map(ask));
    expect(answering.size).toBe(2);
    await Promise.all(Array.from({ length: 20 }, (_, index) => ask(`${index}`)));
    expect(answering.size).toBe(3);
  });
});

test('threads that one pool gave back work for the next, which tells them what to begin', async () => {
  const threads = new TaskThreads(NUMBERED);
  const answers: string[] = [];
  try {
    for (const begin of ['first', 'second']) {
      const pool = new ThreadPool<Task, string>(threads, 2, { begin, data: {} });
      answers.push(await pool.run({ text: 'any' }));
      await pool.close();
    }
  } finally {
    await threads.quit();
  }
  const [first = '', second = ''] = answers;
  expect([first.endsWith(' first'), second.endsWith(' second')]).toEqual([true, true]);
  expect(first.split(' ')[0]).toBe(second.split(' ')[0]);
});

test('a thread that died between two pools is not used again', async () => {
  const threads = new TaskThreads(ANSWERING);
  try {
    const first = new ThreadPool<Task, string>(threads, 1, BEGIN);
    await failureOf(first.run({ text: 'die' }));
    await first.close();
    const second = new ThreadPool<Task, string>(threads, 1, BEGIN);
    expect(await second.run({ text: 'alive' })).toBe('ALIVE');
    await second.close();
  } finally {
    await threads.quit();
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
  let unanswered: Promise<string> | undefined;
  await withPool(SILENT, 2, async (pool) => {
    unanswered = pool.run({ text: 'first' });
    await pool.close();
  });
  await failureOf(unanswered ?? Promise.resolve(), 'internal');
});

test('closing lets a thread answer what it was given before', async () => {
  let answer: Promise<string> | undefined;
  await withPool(ANSWERING, 1, async (pool) => {
    answer = pool.run({ text: 'last' });
    await pool.close();
  });
  expect(await answer).toBe('LAST');
});
