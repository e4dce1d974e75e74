/** What a restore has to tell beyond that it is done: to whoever waits for it, out of the event that tells everybody. */
import type { JobId } from '../../base/ids.ts';
import { isoDate } from '../../base/clock.ts';
import type { EventSource, RestoreData, RestoreOutcome, RestorePreview } from '../contract.ts';

/** What dry runs found, until their callers are answered. */
export class Previews {
  readonly #found = new Map<JobId, RestorePreview>();

  readonly keep = (job: JobId, preview: RestorePreview): void => {
    this.#found.set(job, preview);
  };

  take(job: JobId): RestorePreview | undefined {
    const preview = this.#found.get(job);
    this.#found.delete(job);
    return preview;
  }
}

/**
 * Listens for the end of a job, from before it was submitted.
 *
 * @returns a function that gives what the job told and stops listening; to be called once, when the job has ended.
 */
export function listenForOutcome(job: JobId, events: EventSource, previews: Previews): () => RestoreOutcome {
  let data: RestoreData = {};
  const unsubscribe = events.subscribe((event) => {
    if (event.job === job && event.type === 'restore.completed') data = event.data;
  });
  return () => {
    unsubscribe();
    const preview = previews.take(job);
    const { warnings = [], warningCount = 0, undoUntil } = data;
    return {
      warnings,
      warningCount,
      ...(undoUntil === undefined ? {} : { undoUntil: isoDate(undoUntil) }),
      ...(preview === undefined ? {} : { dryRun: preview }),
    };
  };
}
