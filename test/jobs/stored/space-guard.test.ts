import { expect, test } from 'vitest';
import { SpaceGuard } from '../../../src/jobs/stored/space-guard.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { failureOf } from '../../support/rejection.ts';
import { StillClock } from '../../support/still-clock.ts';

test('a reserve that is changed while bytes are written counts from the next look at the disk', async () => {
  const store = new MemoryStore();
  store.capacity = 1000;
  const clock = new StillClock();
  let reserve = 100;
  const guard = new SpaceGuard(store, () => reserve, clock);
  await guard.admit(500);
  reserve = 800;
  clock.advance(1000);
  expect((await failureOf(guard.admit(300), 'insufficient_storage')).message).toContain('800 B');
  reserve = 0;
  await guard.admit(1000);
});

test('asks for no more room than the bytes and the reserve need, so that it waits for nothing with it', async () => {
  const asked: (number | undefined)[] = [];
  const freeSpace = (enough?: number) => {
    asked.push(enough);
    return Promise.resolve({ bytes: 5000, inodes: null });
  };
  const guard = new SpaceGuard({ freeSpace }, () => 1000, new StillClock());
  await guard.admit(300);
  await guard.admit(3700);
  await failureOf(guard.admit(4001), 'insufficient_storage');
  expect(asked).toEqual([1300, 5001]);
});
