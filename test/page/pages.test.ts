import { expect, test } from 'vitest';
import { Pages } from '../../web/page/live/pages.ts';

/** A list of numbers, five a page; each call waits until it is let through. */
function heldList(length: number) {
  const list = Array.from({ length }, (_, at) => at);
  const held: { readonly cursor: string | undefined; readonly settle: (error?: Error) => void }[] = [];
  const pages = new Pages<number>((cursor) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    held.push({ cursor, settle: (error) => (error === undefined ? resolve() : reject(error)) });
    return promise.then(() => {
      const from = Number(cursor ?? 0);
      return { items: list.slice(from, from + 5), cursor: from + 5 < list.length ? String(from + 5) : undefined };
    });
  });
  const next = async (error?: Error): Promise<string | undefined> => {
    const call = held.shift();
    if (call === undefined) throw new Error('nothing was asked for');
    call.settle(error);
    // All that follows from one answer is done in microtasks.
    await new Promise((resolve) => void setImmediate(resolve));
    return call.cursor;
  };
  const items = (): readonly number[] | undefined => pages.shown.value?.flatMap((page) => page.items);
  return { list, pages, held, next, items };
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, at) => at);

test('the next page that is asked for while the shown ones are read again comes afterwards, without a gap', async () => {
  const { pages, next, items, held } = heldList(14);
  pages.again();
  await next();
  pages.more();
  await next();
  expect(items()).toEqual(upTo(10));
  pages.again();
  pages.more();
  expect(held.length).toBe(1);
  expect([await next(), await next(), await next()]).toEqual([undefined, '5', '10']);
  expect(items()).toEqual(upTo(14));
});

test('a change while the next page comes reads all of them again, once', async () => {
  const { list, pages, next, items, held } = heldList(14);
  pages.again();
  await next();
  pages.more();
  list.unshift(-1);
  pages.again();
  pages.again();
  await next();
  expect([await next(), await next()]).toEqual([undefined, '5']);
  expect(items()).toEqual([-1, ...upTo(9)]);
  expect(held).toEqual([]);
});

test('a page that failed is told, is not asked for by itself, and comes when it is tried again', async () => {
  const { pages, next, items, held } = heldList(8);
  pages.again();
  await next();
  pages.more();
  await next(new Error('away'));
  expect(pages.failure.value?.code).toBe('offline');
  expect([items(), held.length]).toEqual([upTo(5), 0]);
  pages.retry();
  expect(pages.failure.value).toBeUndefined();
  expect([await next(), await next()]).toEqual([undefined, '5']);
  expect(items()).toEqual(upTo(8));
});

test('the first page that failed comes when it is tried again', async () => {
  const { pages, next, items } = heldList(3);
  pages.again();
  await next(new Error('away'));
  expect(items()).toBeUndefined();
  pages.retry();
  await next();
  expect(items()).toEqual(upTo(3));
});

test('on the last page nothing more is asked for, and nothing comes after the list was left', async () => {
  const { pages, next, items, held } = heldList(3);
  pages.again();
  await next();
  pages.more();
  expect(held).toEqual([]);
  pages.again();
  pages.close();
  await next();
  pages.again();
  expect([held, items()]).toEqual([[], upTo(3)]);
});
