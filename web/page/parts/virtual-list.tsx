/** A long list of which only the rows in sight are in the page; the window scrolls it. */
import {
  defaultRangeExtractor,
  observeWindowOffset,
  observeWindowRect,
  type Range,
  Virtualizer,
  windowScroll,
} from '@tanstack/virtual-core';
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';

export interface VirtualListProps<Item> {
  /** The same array until one of them is another. */
  readonly items: readonly Item[];
  readonly keyOf: (item: Item) => string;
  /** Pixels; rows are measured once they are drawn. */
  readonly estimate: number;
  readonly label: string;
  readonly row: (item: Item, index: number) => ComponentChildren;
  /** Called when the last rows come near. */
  readonly onEnd?: () => void;
}

export function VirtualList<Item>({ items, keyOf, estimate, label, row, onEnd }: VirtualListProps<Item>) {
  const list = useRef<HTMLDivElement>(null);
  const drawn = useSignal(0);
  const kept = useRef<Virtualizer<Window, HTMLElement>>(undefined);
  const margin = useRef(0);
  const { focused, ...watched } = useFocus();
  // The same one until the items change: with another one the virtualizer measures all of them again, at each scroll.
  const getItemKey = useMemo(() => (index: number) => keyOf(items[index] as Item), [items]);
  const options = {
    count: items.length,
    getScrollElement: () => globalThis.window,
    estimateSize: () => estimate,
    getItemKey,
    overscan: 6,
    rangeExtractor: (range: Range) => withFocused(range, items, keyOf, focused.current?.key),
    scrollMargin: margin.current,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    initialOffset: () => globalThis.scrollY,
    onChange: () => void drawn.value++,
  };
  kept.current ??= new Virtualizer<Window, HTMLElement>(options);
  const virtual = kept.current;
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), []);
  useLayoutEffect(() => {
    const top = (list.current?.getBoundingClientRect().top ?? 0) + globalThis.scrollY;
    if (Math.abs(top - margin.current) > 1) {
      margin.current = top;
      virtual.setOptions({ ...options, scrollMargin: top });
      drawn.value++;
    }
    virtual._willUpdate();
  });
  // oxlint-disable-next-line no-unused-expressions -- a change of what is in sight draws again
  drawn.value;
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (items.length > 0 && last >= items.length - 10) onEnd?.();
  }, [last, items.length]);
  return (
    <div
      ref={list}
      class="tbl"
      role="list"
      aria-label={label}
      style={{ position: 'relative', height: `${virtual.getTotalSize()}px` }}
      onKeyDown={moveFocus}
      {...watched}
    >
      {shown.map(({ key, index, start }) => (
        <div
          key={key}
          role="listitem"
          aria-setsize={items.length}
          aria-posinset={index + 1}
          data-index={index}
          data-key={key}
          ref={(element) => virtual.measureElement(element)}
          class="slot"
          style={{ transform: `translateY(${start - margin.current}px)` }}
        >
          {row(items[index] as Item, index)}
        </div>
      ))}
    </div>
  );
}

/** The indexes to draw: those in sight, and the one that has the focus, wherever an event has moved it to. */
function withFocused<Item>(
  range: Range,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  focused: string | undefined,
): number[] {
  const drawn = defaultRangeExtractor(range);
  const at = focused === undefined ? -1 : items.findIndex((item) => keyOf(item) === focused);
  if (at < 0 || drawn.includes(at)) return drawn;
  return [...drawn, at].sort((one, other) => one - other);
}

interface Focused {
  readonly key: string;
  readonly element: HTMLElement;
}

/**
 * Remembers which row has the focus, and gives it back to a row whose elements were moved: browsers take the focus from what
 * is moved.
 */
function useFocus() {
  const focused = useRef<Focused>(undefined);
  const drawing = useRef(false);
  drawing.current = true;
  useLayoutEffect(() => {
    drawing.current = false;
    const { element } = focused.current ?? {};
    if (element?.isConnected === true && document.activeElement === document.body)
      element.focus({ preventScroll: true });
  });
  return {
    focused,
    onFocusIn: ({ target }: FocusEvent): void => {
      if (!(target instanceof HTMLElement)) return;
      const key = target.closest<HTMLElement>('.slot')?.dataset['key'];
      focused.current = key === undefined ? undefined : { key, element: target };
    },
    onFocusOut: (): void => {
      if (!drawing.current) focused.current = undefined;
    },
  };
}

/** Up and down go from row to row, to what the row is mainly for. */
function moveFocus(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || !(event.target instanceof HTMLElement)) return;
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-row]')];
  const slot = event.target.closest('.slot');
  const at = rows.findIndex((row) => row.closest('.slot') === slot);
  const next = rows[at + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
