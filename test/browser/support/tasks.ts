/** How long the page's own thread works at a time, as Chromium's tracing tells it. */
import type { Page } from 'playwright-core';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds for which the thread had a processor. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** No task may keep the page from answering for longer, in ms. */
export const LONGEST_TASK_MS = 100;

/**
 * Begins to watch. Time of the processor counts, not that of the clock: what else a host does is not the page's work.
 *
 * @returns what ends it: the longest task since, in ms.
 */
export async function watchLongestTask(page: Page): Promise<() => Promise<number>> {
  const browser = page.context().browser();
  await browser?.startTracing(page, { categories: ['toplevel'] });
  return async () => {
    const trace = JSON.parse(String(await browser?.stopTracing())) as { readonly traceEvents: readonly TraceEvent[] };
    const threadOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
    const pages = trace.traceEvents.filter(
      ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
    );
    const main = new Set(pages.map(threadOf));
    const tasks = trace.traceEvents.filter(
      (event) => event.ph === 'X' && event.name.endsWith('RunTask') && main.has(threadOf(event)),
    );
    if (tasks.length === 0) throw new Error('the trace has no task of a page');
    return tasks.reduce((longest, { tdur = 0 }) => Math.max(longest, tdur / 1000), 0);
  };
}
