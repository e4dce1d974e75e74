import { describe, expect, test } from 'vitest';
import { SharedWork } from '../../src/base/shared-work.ts';
import { failureOf } from '../support/rejection.ts';

const never = (): AbortSignal => new AbortController().signal;

/** Work that ends when the test says so, or when its callers are gone. */
function heldWork() {
  const begun: { readonly name: string; readonly end: () => void; readonly signal: AbortSignal }[] = [];
  const work = (name: string) => (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      begun.push({ name, end: () => resolve(name), signal });
      signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
    });
  return { begun, work };
}

describe('shared work', () => {
  test('the same is done once for all who ask while it runs, and again later', async () => {
    const { begun, work } = heldWork();
    const shared = new SharedWork<string>(4);
    const asked = [1, 2, 3].map(() => shared.run({ group: 'a', key: 'x' }, never(), work('x')));
    expect(begun).toHaveLength(1);
    begun[0]?.end();
    expect(await Promise.all(asked)).toEqual(['x', 'x', 'x']);
    const later = shared.run({ group: 'a', key: 'x' }, never(), work('again'));
    expect(begun).toHaveLength(2);
    begun[1]?.end();
    expect(await later).toBe('again');
  });

  test('one at a time of a group, and so many in all', async () => {
    const { begun, work } = heldWork();
    const shared = new SharedWork<string>(2);
    const asked = ['a1', 'a2', 'b1', 'c1'].map((name) =>
      shared.run({ group: name.slice(0, 1), key: name }, never(), work(name)),
    );
    expect(begun.map(({ name }) => name)).toEqual(['a1', 'b1']);
    begun[0]?.end();
    await asked[0];
    await new Promise(setImmediate);
    expect(begun.map(({ name }) => name)).toEqual(['a1', 'b1', 'a2']);
    for (const { end } of begun) end();
    await new Promise(setImmediate);
    for (const { end } of begun) end();
    expect(await Promise.all(asked)).toEqual(['a1', 'a2', 'b1', 'c1']);
  });

  test('ends when the last caller is gone, not before, and gives its turn to the next', async () => {
    const { begun, work } = heldWork();
    const shared = new SharedWork<string>(1);
    const [first, second] = [new AbortController(), new AbortController()];
    const gone = [first, second].map(({ signal }) => shared.run({ group: 'a', key: 'x' }, signal, work('x')));
    const honest = shared.run({ group: 'a', key: 'y' }, never(), work('y'));
    first.abort();
    await failureOf(gone[0] ?? honest, 'cancelled');
    expect(begun[0]?.signal.aborted).toBe(false);
    second.abort();
    await failureOf(gone[1] ?? honest, 'cancelled');
    expect(begun[0]?.signal.aborted).toBe(true);
    await new Promise(setImmediate);
    expect(begun.map(({ name }) => name)).toEqual(['x', 'y']);
    begun[1]?.end();
    expect(await honest).toBe('y');
  });

  test('two hundred that wait and are gone are never begun', async () => {
    const { begun, work } = heldWork();
    const shared = new SharedWork<string>(1);
    const running = shared.run({ group: 'a', key: 'x' }, never(), work('x'));
    const hangUp = new AbortController();
    const gone = Array.from({ length: 200 }, (_, at) =>
      shared.run({ group: 'a', key: `${at}` }, hangUp.signal, work(`${at}`)),
    );
    hangUp.abort();
    await Promise.allSettled(gone);
    begun[0]?.end();
    expect([await running, begun.length]).toEqual(['x', 1]);
  });
});
