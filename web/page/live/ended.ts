/**
 * How jobs that this page began have ended. They are followed by their id: the answer to a call that waits is lost where a
 * proxy cuts connections on which nothing comes. Events only make it sooner, and tell what warnings say.
 */
import { answer, api } from '../api/client.ts';
import { ApiFailure, failureOf, isAway } from '../api/failures.ts';
import type { Job } from '../api/shapes.ts';
import { endJob, jobOf, takeJob } from './state.ts';

export interface Warning {
  readonly path: string;
  readonly message: string;
}

export interface Ended {
  /** In numbers, by what they count. */
  readonly result: NonNullable<Job['result']>;
  /** As many as the event of its end told of; none where it was not heard. */
  readonly warnings: readonly Warning[];
}

const ASK_MS = 3000;
/** A connection may be gone without a word. */
const ANSWER_MS = 15_000;
/** Ends that are remembered: an event may come before the answer that names its job. */
const MOST_HEARD = 64;

const heard = new Map<string, readonly Warning[]>();
const awaited = new Map<string, () => void>();

/** Called for each job whose end is heard of. */
export function tellEnd(job: string, data: Readonly<Record<string, unknown>> = {}): void {
  heard.set(job, (data['warnings'] ?? []) as readonly Warning[]);
  const [oldest] = heard.keys();
  if (heard.size > MOST_HEARD && oldest !== undefined) heard.delete(oldest);
  awaited.get(job)?.();
}

/**
 * Resolves when the job is done; while the daemon cannot be reached, it is asked again.
 *
 * @throws ApiFailure when it failed or was cancelled, in the job's own words; when the daemon does not tell of it.
 */
export async function endOf(id: string): Promise<Ended> {
  for (;;) {
    const wasHeard = heard.has(id);
    const { state, error, result = {} } = (await lookAt(id)) ?? {};
    if (state === 'failed' || state === 'cancelled' || state === 'done') endJob(id);
    if (state === 'failed' || state === 'cancelled') {
      const { message, code, hint } = error ?? {};
      throw new ApiFailure(0, { error: message, code, hint });
    }
    if (state === 'done') {
      // What they say comes only with the event, which may be on its way.
      if (Number(result['warningCount'] ?? 0) > 0 && !heard.has(id)) await news(id);
      return { result, warnings: heard.get(id) ?? [] };
    }
    // Not when it ended while it was asked for.
    if (wasHeard || !heard.has(id)) await news(id);
  }
}

/** As it is now, which is also shown; undefined while the daemon cannot be reached. */
async function lookAt(id: string): Promise<Job | undefined> {
  try {
    const options = { params: { path: { id } }, signal: AbortSignal.timeout(ANSWER_MS) };
    const job = await answer(api.GET('/api/jobs/{id}', options));
    // Events may have told of more meanwhile.
    const isNews = (jobOf(id)?.progress?.bytesDone ?? 0) <= (job.progress?.bytesDone ?? 0);
    if (job.state === 'running' && isNews) takeJob(id, job);
    return job;
  } catch (error) {
    const failure = failureOf(error);
    if (isAway(failure)) return undefined;
    throw failure;
  }
}

/** Resolves when the end of that job is heard of, or after a moment without. */
async function news(id: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  awaited.set(id, resolve);
  const timer = setTimeout(resolve, ASK_MS);
  await promise;
  clearTimeout(timer);
  awaited.delete(id);
}
