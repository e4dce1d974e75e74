import { expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { Control } from '../../../src/archive/threads/control.ts';
import type { TaskWork } from '../../../src/archive/threads/serve-tasks.ts';
import { type Pool, SmallWork } from '../../../src/archive/threads/small-work.ts';
import { failureOf } from '../../support/rejection.ts';

interface Task {
  readonly text: string;
}

/** A pool whose threads are played, with what was asked of it and of the calling thread. */
function scene(control = new Control()) {
  const did: string[] = [];
  const start = (): Pool<Task, string> => {
    did.push('threads start');
    return {
      run: ({ text }) => {
        did.push(`thread: ${text}`);
        return text === 'fail' ? Promise.reject(new Failure('internal', 'it failed there')) : Promise.resolve(text);
      },
      close: () => Promise.resolve(void did.push('threads end')),
    };
  };
  const work: TaskWork = {
    control,
    doing: 'Cannot do it',
    run: ({ text }: Task) => {
      did.push(`here: ${text}`);
      if (text === 'fail') throw new Error('it failed here');
      return text;
    },
    end: () => void did.push('end here'),
  };
  return { did, small: new SmallWork<Task, string>(start, () => Promise.resolve(work), 'Cannot begin') };
}

test('a single task is done in the calling thread, and no other starts', async () => {
  const { did, small } = scene();
  expect(await small.run({ text: 'one' })).toBe('one');
  await small.close();
  expect(did).toEqual(['here: one', 'end here']);
});

test('a second task that comes at once starts the threads, which do both', async () => {
  const { did, small } = scene();
  expect(await Promise.all([small.run({ text: 'one' }), small.run({ text: 'two' })])).toEqual(['one', 'two']);
  await small.close();
  expect(did).toEqual(['threads start', 'thread: one', 'thread: two', 'threads end']);
});

test('tasks that come after the first was done go to threads', async () => {
  const { did, small } = scene();
  await small.run({ text: 'one' });
  await Promise.all([small.run({ text: 'two' }), small.run({ text: 'three' })]);
  await small.close();
  expect(did).toEqual(['here: one', 'end here', 'threads start', 'thread: two', 'thread: three', 'threads end']);
});

test('what fails is the failure of the task, here and in a thread', async () => {
  const here = scene();
  expect(await failureOf(here.small.run({ text: 'fail' }))).toMatchObject({ code: 'internal' });
  expect(here.did).toEqual(['here: fail', 'end here']);
  const aside = scene();
  const [first] = [aside.small.run({ text: 'fail' }), aside.small.run({ text: 'two' })];
  expect(await failureOf(first)).toMatchObject({ message: 'it failed there' });
});

test('after a stop the task is not begun', async () => {
  const control = new Control();
  const { did, small } = scene(control);
  const result = small.run({ text: 'one' });
  control.stop();
  expect(await failureOf(result)).toMatchObject({ code: 'cancelled' });
  expect(did).toEqual(['end here']);
});

test('a task that was not begun when the pool closes fails, and what was begun is ended first', async () => {
  const { did, small } = scene();
  const given = small.run({ text: 'one' });
  await small.close();
  expect(await failureOf(given)).toMatchObject({ code: 'internal' });
  expect(did).toEqual([]);
  await small.close();
});
