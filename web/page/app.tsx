/** Which view is shown, and the sign-in in front of all of them. */
import { useSignal } from '@preact/signals';
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

const loaded = new Map<ViewName, View>();

function Shown() {
  const { view } = route.value;
  const failure = useSignal<unknown>(undefined);
  const drawn = useSignal(0);
  useEffect(() => {
    failure.value = undefined;
    if (loaded.has(view)) return;
    LATER[view]?.().then(
      (found) => {
        loaded.set(view, found);
        drawn.value++;
      },
      (error: unknown) => (failure.value = error),
    );
  }, [view]);
  // oxlint-disable-next-line no-unused-expressions -- draws again when the view was loaded
  drawn.value;
  if (LATER[view] === undefined) return <Overview />;
  if (failure.value !== undefined) {
    return <FailureNote failure={failureOf(failure.value)} again={() => location.reload()} />;
  }
  const Found = loaded.get(view);
  return Found === undefined ? <GreyRows /> : <Found />;
}

/** Once there is time: what a person does next is not to wait for its script. */
function loadAhead(): void {
  for (const [view, load] of Object.entries(LATER)) {
    void load().then(
      (found) => loaded.set(view as ViewName, found),
      () => undefined,
    );
  }
}

const AHEAD_MS = 500;

export function App() {
  const isIn = who.value !== undefined;
  useEffect(() => {
    if (!isIn) return undefined;
    const timer = setTimeout(loadAhead, AHEAD_MS);
    return () => clearTimeout(timer);
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
