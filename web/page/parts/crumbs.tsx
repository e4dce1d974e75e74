import { type ComponentChildren, toChildArray } from 'preact';
import { to } from '../live/router.ts';
import { Icon } from './icon.tsx';
import { ChevronRight } from './icons.ts';

/** Where a view stands: the overview, then what leads to the view, each after an arrow. */
export function Crumbs({ children }: { readonly children: ComponentChildren }) {
  return (
    <nav class="crumb" aria-label="Where you are">
      <a class="link" href={to.overview()}>
        Overview
      </a>
      {toChildArray(children).map((child) => [<Icon of={ChevronRight} small />, child])}
    </nav>
  );
}
