/**
 * A list that comes page by page, each page by the cursor of the one before.
 *
 * One call at a time: a page that is appended while the shown ones are read again would leave a gap, or stand twice. What is
 * asked meanwhile is done afterwards.
 */
import { type ReadonlySignal, signal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { failureOf, type ApiFailure } from '../api/failures.ts';

export interface Page<Item> {
  readonly items: readonly Item[];
  /** For the next page; undefined on the last one. */
  readonly cursor?: string | undefined;
}

export type ReadPage<Item> = (cursor: string | undefined) => Promise<Page<Item>>;

export class Pages<Item> {
  readonly #read: ReadPage<Item>;
  readonly #shown = signal<readonly Page<Item>[] | undefined>(undefined);
  readonly #failure = signal<ApiFailure | undefined>(undefined);
  readonly #wanted = { again: false, more: false };
  #isReading = false;
  #isClosed = false;

  constructor(read: ReadPage<Item>) {
    this.#read = read;
  }

  /** Undefined until the first page is there. */
  get shown(): ReadonlySignal<readonly Page<Item>[] | undefined> {
    return this.#shown;
  }

  /** Of the last call; what was shown before it stays. */
  get failure(): ReadonlySignal<ApiFailure | undefined> {
    return this.#failure;
  }

  /** Reads as many pages as are shown, at least the first: the list must not jump when one item has changed. */
  again(): void {
    this.#wanted.again = true;
    void this.#work();
  }

  /** Reads the next page, if there is one. */
  more(): void {
    if (this.#shown.peek()?.at(-1)?.cursor === undefined) return;
    this.#wanted.more = true;
    void this.#work();
  }

  /** What failed once more: the whole list where nothing is shown yet, else what has not come. */
  retry(): void {
    this.#failure.value = undefined;
    this.#wanted.again = true;
    this.#wanted.more = this.#shown.peek() !== undefined;
    void this.#work();
  }

  /** Answers that come later are dropped. */
  close(): void {
    this.#isClosed = true;
  }

  async #work(): Promise<void> {
    if (this.#isReading || this.#isClosed) return;
    this.#isReading = true;
    try {
      while (!this.#isClosed && (this.#wanted.again || this.#wanted.more)) await this.#next();
    } catch (error) {
      // Nothing is asked for again by itself: a call that fails would be sent without end.
      [this.#wanted.again, this.#wanted.more] = [false, false];
      if (!this.#isClosed) this.#failure.value = failureOf(error);
    } finally {
      this.#isReading = false;
    }
  }

  async #next(): Promise<void> {
    const { again } = this.#wanted;
    if (again) this.#wanted.again = false;
    else this.#wanted.more = false;
    const pages = again ? await this.#readAgain() : await this.#readOn();
    if (this.#isClosed) return;
    this.#shown.value = pages;
    this.#failure.value = undefined;
  }

  async #readAgain(): Promise<readonly Page<Item>[]> {
    const known = this.#shown.peek()?.length ?? 1;
    const pages = [await this.#read(undefined)];
    while (pages.length < known && !this.#isClosed) {
      const cursor = pages.at(-1)?.cursor;
      if (cursor === undefined) break;
      pages.push(await this.#read(cursor));
    }
    return pages;
  }

  async #readOn(): Promise<readonly Page<Item>[]> {
    const pages = this.#shown.peek() ?? [];
    const cursor = pages.at(-1)?.cursor;
    return cursor === undefined ? pages : [...pages, await this.#read(cursor)];
  }
}

/** Fewer items than fill a screen. */
const FEW = 30;

export interface UsedPages<Item> {
  /** Of all pages that are there. */
  readonly items: readonly Item[] | undefined;
  readonly failure: ApiFailure | undefined;
  readonly isEnd: boolean;
  readonly more: () => void;
  readonly retry: () => void;
}

/**
 * @param key of what is listed; when it changes, nothing of before is shown.
 * @param changes when it changes, what is shown is read again.
 * @param delay in ms, before the first page is asked for.
 */
export function usePages<Item>(
  key: string,
  read: ReadPage<Item>,
  changes: number | string,
  delay = 0,
): UsedPages<Item> {
  const pages = useMemo(() => new Pages(read), [key]);
  useEffect(() => {
    const timer = setTimeout(() => pages.again(), delay);
    return () => {
      clearTimeout(timer);
      pages.close();
    };
  }, [pages]);
  const before = useRef({ pages, changes });
  useEffect(() => {
    const known = before.current;
    before.current = { pages, changes };
    if (known.pages === pages && known.changes !== changes) pages.again();
  }, [pages, changes]);
  const shown = pages.shown.value;
  return {
    items: useMemo(() => shown?.flatMap(({ items }) => items), [shown]),
    failure: pages.failure.value,
    isEnd: shown !== undefined && shown.at(-1)?.cursor === undefined,
    more: () => pages.more(),
    retry: () => pages.retry(),
  };
}

/**
 * Asks for more while few items are shown. A list asks when its end comes near; one that is short, or empty, has no end to
 * come near to.
 *
 * @param shown how many items of the pages are shown.
 * @param choice what they are chosen by; a change of it looks again.
 */
export function useFilled({ items, failure, more }: UsedPages<unknown>, shown: number, choice = ''): void {
  useEffect(() => {
    if (shown < FEW && failure === undefined) more();
  }, [items, choice]);
}
