import { describe, expect, test } from 'vitest';
import { Turns } from '../../src/base/keyed-mutex.ts';

describe('turns', () => {
  test('of one name run one after the other, in the order in which they were asked for', async () => {
    const turns = new Turns();
    const gate = Promise.withResolvers<void>();
    const log: string[] = [];
    const first = turns.take('a', async () => {
      log.push('first begins');
      await gate.promise;
      log.push('first ends');
    });
    const second = turns.take('a', async () => void log.push('second'));
    await turns.take('b', async () => void log.push('other name'));
    gate.resolve();
    await Promise.all([first, second]);
    expect(log).toEqual(['first begins', 'other name', 'first ends', 'second']);
  });

  test('a turn that fails tells its caller alone', async () => {
    const turns = new Turns();
    const failing = turns.take('a', () => Promise.reject(new Error('first')));
    const next = turns.take('a', async () => 'second');
    await expect(failing).rejects.toThrow('first');
    expect(await next).toBe('second');
  });
});
