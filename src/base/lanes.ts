/**
 * Works through items in their order, at most `count` at a time.
 *
 * @throws what the first failing item threw, once nothing is under way any more; nothing is begun after it.
 */
export async function inLanes<Item>(
  count: number,
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  let failed = false;
  const lane = async (): Promise<void> => {
    while (!failed) {
      const next = waiting.next();
      if (next.done === true) return;
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: count }, lane));
  for (const result of lanes) if (result.status === 'rejected') throw result.reason;
}
