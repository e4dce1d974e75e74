/**
 * The right side of the surface. On a small screen it is a sheet over the list, behind a button that stays at the bottom;
 * there it takes the focus, Esc closes it, and the focus goes back to the button.
 */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

export interface SheetProps {
  readonly label: string;
  /** The text of the button that opens it. */
  readonly button: string;
  readonly children: ComponentChildren;
}

export function Sheet({ label, button, children }: SheetProps) {
  const open = useSignal(false);
  const sheet = useRef<HTMLElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    open.value = false;
    opener.current?.focus();
  };
  useLayoutEffect(() => {
    if (open.value) sheet.current?.focus();
  }, [open.value]);
  return (
    <>
      <div class="open-sheet">
        <button
          ref={opener}
          class="b p"
          type="button"
          aria-expanded={open.value}
          onClick={() => (open.value = !open.value)}
        >
          {button}
        </button>
      </div>
      <section
        ref={sheet}
        class={open.value ? 'aside open' : 'aside'}
        aria-label={label}
        tabIndex={-1}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && open.value) close();
        }}
      >
        <button class="b q t close-sheet" type="button" onClick={close}>
          Back to the files
        </button>
        {children}
      </section>
    </>
  );
}
