/** A job that waits or runs: how far it is, how fast, how long still, and an end to it. */
import { useSignal } from '@preact/signals';
import type { Job } from '../api/shapes.ts';
import { cancelJob } from '../api/backups.ts';
import { useAction } from '../live/answers.ts';
import { may } from '../live/session.ts';
import { bytes, duration } from '../words/format.ts';
import { words } from '../words/words.ts';
import { shareOf } from './state.tsx';

export function ProgressBar({ job, label }: { readonly job: Job; readonly label: string }) {
  const share = shareOf(job);
  if (share === undefined) return <progress class="pg" aria-label={label} />;
  return <progress class="pg" max={1} value={share} aria-label={label} />;
}

export function progressText({ state, position, progress }: Job): string {
  if (state === 'queued') return words.waiting(position);
  if (progress === undefined) return '';
  const { bytesDone, bytesTotal, bytesPerSecond, etaSeconds } = progress;
  const parts = bytesTotal > 0 ? [`${bytes(bytesDone)} of ${bytes(bytesTotal)}`] : [bytes(bytesDone)];
  if (bytesPerSecond > 0) parts.push(`${bytes(bytesPerSecond)}/s`);
  if (etaSeconds !== null) parts.push(`${duration(etaSeconds * 1000)} left`);
  return parts.join(' · ');
}

export function CancelButton({ job, small = false }: { readonly job: Job; readonly small?: boolean }) {
  const asked = useSignal(false);
  const sent = useSignal(false);
  const { busy, failure, run } = useAction();
  if (!may('backup.create')) return null;
  const kind = small ? 'b t' : 'b';
  if (failure.value !== undefined) return <span class="small st bad">{failure.value.message}</span>;
  if (sent.value) return <span class="small muted">Cancelling…</span>;
  if (!asked.value) {
    return (
      <button class={kind} type="button" onClick={() => (asked.value = true)}>
        Cancel
      </button>
    );
  }
  return (
    <button
      class={`${kind} d`}
      type="button"
      disabled={busy.value}
      onBlur={() => (asked.value = false)}
      onClick={() => void run(() => cancelJob(job)).then((done) => void (sent.value = done))}
    >
      Cancel it
    </button>
  );
}
