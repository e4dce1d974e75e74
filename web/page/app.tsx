/** Which view is shown, and the sign-in in front of all of them. */
import { signal, useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { route, type ViewName } from './live/router.ts';
import { secret, who } from './live/session.ts';
import { announced } from './live/socket.ts';
import { FailureNote, GreyRows } from './parts/failure.tsx';
import { Top } from './parts/top.tsx';
import { failureOf } from './api/failures.ts';
import { Overview } from './views/overview/overview.tsx';
import { SignIn } from './views/signin/signin.tsx';

type View = ComponentType;

const LATER: Partial<Record<ViewName, () => Promise<View>>> = {
  server: async () => (await import('./views/server/server.tsx')).ServerView,
  browse: async () => (await import('./views/browse/browse.tsx')).Browse,
  find: async () => (await import('./views/find/find.tsx')).Find,
  jobs: async () => (await import('./views/jobs/jobs.tsx')).Jobs,
  schedules: async () => (await import('./views/schedules/schedules.tsx')).Schedules,
  health: async () => (await import('./views/health/health.tsx')).Health,
  account: async () => (await import('./views/account/account.tsx')).Account,
};

/** A signal: a view may arrive, loaded ahead, after it was drawn as grey rows and before the effect that asks for it. */
const loaded = signal<ReadonlyMap<ViewName, View>>(new Map());

async function load(view: ViewName): Promise<void> {
  const found = await LATER[view]?.();
  if (found !== undefined) loaded.value = new Map(loaded.value).set(view, found);
}

function Shown() {
  const { view } = route.value;
  const failure = useSignal<unknown>(undefined);
  useEffect(() => {
    failure.value = undefined;
    if (!loaded.peek().has(view)) load(view).catch((error: unknown) => (failure.value = error));
  }, [view]);
  if (LATER[view] === undefined) return <Overview />;
  const Found = loaded.value.get(view);
  if (Found !== undefined) return <Found />;
  if (failure.value === undefined) return <GreyRows />;
  return <FailureNote failure={failureOf(failure.value)} again={() => location.reload()} />;
}

/** Once there is time: what a person does next is not to wait for its script. */
function loadAhead(): void {
  for (const view of Object.keys(LATER)) void load(view as ViewName).catch(() => undefined);
}

const AHEAD_MS = 500;

/** Calls back when something is shown, at once if it is: scripts of other views must not delay that. @returns an end to it. */
function oncePainted(then: () => void): () => void {
  const observer = new PerformanceObserver((list) => {
    if (list.getEntriesByName('first-contentful-paint').length > 0) then();
  });
  observer.observe({ type: 'paint', buffered: true });
  return () => observer.disconnect();
}

export function App() {
  const isIn = who.value !== undefined;
  useEffect(() => {
    if (!isIn) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = oncePainted(() => (timer = setTimeout(loadAhead, AHEAD_MS)));
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [isIn]);
  if (secret.value === undefined || route.value.view === 'signIn') return <SignIn />;
  if (who.value === undefined) return null;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Top />
      <main id="main" tabIndex={-1}>
        <Shown />
      </main>
      <div class="hidden" role="status" aria-live="polite">
        {announced.value}
      </div>
    </>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('#main')?.focus();
}
