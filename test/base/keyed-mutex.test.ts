import { describe, expect, test } from 'vitest';
import { KeyedMutex } from '../../src/base/keyed-mutex.ts';

describe('turns', () => {
  test('of one name run one after the other, in the order in which they were asked for', async () => {
    const turns = new KeyedMutex();
    const gate = Promise.withResolvers<void>();
    const log: string[] = [];
    const first = turns.run('a', async () => {
      log.push('first begins');
      await gate.promise;
      log.push('first ends');
    });
    const second = turns.run('a', async () => void log.push('second'));
    await turns.run('b', async () => void log.push('other name'));
    gate.resolve();
    await Promise.all([first, second]);
    expect(log).toEqual(['first begins', 'other name', 'first ends', 'second']);
  });

  test('a turn that fails tells its caller alone', async () => {
    const turns = new KeyedMutex();
    const failing = turns.run('a', () => Promise.reject(new Error('first')));
    const next = turns.run('a', async () => 'second');
    await expect(failing).rejects.toThrow('first');
    expect(await next).toBe('second');
  });
});
