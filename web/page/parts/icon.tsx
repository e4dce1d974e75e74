import { h } from 'preact';
import type { IconNode } from 'lucide';

/** A decoration: what it means is beside it in words, or in the name of its button. */
export function Icon({ of, small = false }: { readonly of: IconNode; readonly small?: boolean }) {
  return (
    <svg class={small ? 'i s' : 'i'} viewBox="0 0 24 24" aria-hidden="true">
      {of.map(([tag, attributes]) => h(tag, attributes))}
    </svg>
  );
}
