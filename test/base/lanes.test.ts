import { expect, test } from 'vitest';
import { inLanes } from '../../src/base/lanes.ts';

test('every item is worked on once, in order of their beginning, and never more at a time than there are lanes', async () => {
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  let underWay = 0;
  let most = 0;
  const done = inLanes(2, [1, 2, 3, 4, 5], async (item) => {
    begun.push(item);
    most = Math.max(most, ++underWay);
    await new Promise<void>((resolve) => ends.push(resolve));
    underWay--;
  });
  for (let ended = 0; ended < 5; ended++) {
    // The last that was begun ends first.
    ends.pop()?.();
    await new Promise(setImmediate);
  }
  await done;
  expect([begun, most, underWay]).toEqual([[1, 2, 3, 4, 5], 2, 0]);
});

test('a failure is thrown when nothing is under way any more, and nothing is begun after it', async () => {
  const begun: number[] = [];
  let finish = (): void => undefined;
  let ended = false;
  const done = inLanes(2, [1, 2, 3, 4], async (item) => {
    begun.push(item);
    if (item === 2) throw new Error('two');
    await new Promise<void>((resolve) => (finish = resolve));
    ended = true;
  });
  const outcome = done.catch((error: unknown) => [error, ended]);
  await new Promise(setImmediate);
  finish();
  expect(await outcome).toEqual([new Error('two'), true]);
  expect(begun).toEqual([1, 2]);
});
