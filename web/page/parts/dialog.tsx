import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

/** The browser's own dialog: it keeps the focus in, Esc closes it, and the focus goes back to where it was. */
export function Dialog({
  title,
  wide = false,
  onClose,
  children,
}: {
  readonly title: string;
  /** At the side of the page where there is room, so that the list stays in sight. */
  readonly wide?: boolean;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const gone = useRef(false);
  // Before the next key is handled: a Tab that comes first would move on in the page behind, and the focus would go back
  // to there.
  useLayoutEffect(() => {
    const { activeElement: before } = document;
    const dialog = element.current;
    dialog?.showModal();
    return () => {
      gone.current = true;
      // While it is open, what lies behind it takes no focus.
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={wide ? 'beside' : undefined}
      aria-label={title}
      onClose={() => {
        if (!gone.current) onClose();
      }}
      onCancel={onClose}
    >
      <header class="spread">
        <h2>
          <bdi>{title}</bdi>
        </h2>
        <button class="b q t" type="button" aria-label="Close" onClick={onClose}>
          ✕
        </button>
      </header>
      <div class="pad">{children}</div>
    </dialog>
  );
}
