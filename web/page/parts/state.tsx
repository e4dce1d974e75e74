/** How a server is, in a shape, a colour and words. */
import type { IconNode } from 'lucide';
import { Check, Circle, CircleAlert, Clock, LoaderCircle, TriangleAlert, X } from './icons.ts';
import type { Job, Server } from '../api/shapes.ts';
import { words } from '../words/words.ts';
import { Icon } from './icon.tsx';

export type Tone = 'ok' | 'warn' | 'bad' | 'run' | 'none';

export interface State {
  readonly tone: Tone;
  readonly icon: IconNode;
  readonly text: string;
  /** Lower ones are shown first. */
  readonly rank: number;
}

export type Problem = NonNullable<Server['overview']>['problems'][number];

export function problemsOf({ overview }: Server): readonly Problem[] {
  return overview?.problems ?? [];
}

/** Whether a new backup helps against it; otherwise there is one to look at. */
export function isHelpedByBackup({ code, backup }: Problem): boolean {
  return backup === undefined || code === 'failing' || code === 'late';
}

export function stateOf(server: Server, job: Job | undefined): State {
  if (job !== undefined) return jobState(job, rankOf(server));
  const { suspended, overview } = server;
  const [worst] = overview?.problems ?? [];
  switch (worst?.code) {
    case 'failing':
      return { tone: 'bad', icon: X, text: words.failing(overview?.lastFailure?.failures ?? 1), rank: 0 };
    case 'damaged':
      return { tone: 'bad', icon: X, text: words.damaged, rank: 1 };
    case 'never':
      return { tone: 'warn', icon: Circle, text: words.never, rank: 2 };
    case 'late':
      return { tone: 'warn', icon: TriangleAlert, text: words.lateBy((overview?.lateSeconds ?? 0) * 1000), rank: 2 };
    case 'suspect':
      return { tone: 'warn', icon: CircleAlert, text: words.suspect, rank: 2 };
    case 'no_directory':
      return { tone: 'none', icon: Circle, text: words.noDirectory, rank: 3 };
    case undefined:
      break;
  }
  if (suspended) return { tone: 'none', icon: Clock, text: words.suspended, rank: 5 };
  if (overview?.newest === undefined) return { tone: 'none', icon: Circle, text: words.never, rank: 3 };
  return { tone: 'ok', icon: Check, text: words.protected, rank: 4 };
}

/** The rank of a server with a running job: the one that it has without the job, so that its row does not move. */
function rankOf(server: Server): number {
  return Math.min(stateOf(server, undefined).rank, 3);
}

function jobState(job: Job, rank: number): State {
  if (job.state === 'queued') return { tone: 'run', icon: Clock, text: words.waiting(job.position), rank };
  const share = shareOf(job);
  const text = `${words.running(job)}${share === undefined ? '' : ` ${Math.floor(share * 100)} %`}`;
  return { tone: 'run', icon: LoaderCircle, text, rank };
}

/** From 0 to 1; undefined where the end is not known. */
export function shareOf({ progress }: Job): number | undefined {
  if (progress === undefined || progress.bytesTotal <= 0) return undefined;
  return Math.min(1, progress.bytesDone / progress.bytesTotal);
}

export function StateText({ state, small = true }: { readonly state: State; readonly small?: boolean }) {
  return (
    <span class={`st ${state.tone}`}>
      <Icon of={state.icon} small={small} />
      {state.text}
    </span>
  );
}
