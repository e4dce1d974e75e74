/** Carries out the steps of a take-over; a step or a check that fails turns all of it back. */
import { asFailure, Failure, throwIfAborted } from '../../base/failure.ts';
import type { Clock } from '../../base/clock.ts';
import { checkNode, publicUrl, untilWingsAnswers } from './check.ts';
import { type FrontHost, systemctl, WINGS_UNIT } from './host.ts';
import type { Takeover } from './look.ts';
import { type FrontStep, type Plan, writeAs } from './steps.ts';
import { movedToLoopback, readText } from './wings-file.ts';

export interface Applied {
  /** In words. */
  readonly checked: readonly string[];
  /** Seconds that the node's address did not answer as Wings; undefined without a restart. */
  readonly away: number | undefined;
}

export interface ApplyOptions {
  readonly restart: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Takes the node over: runs the steps in order. When one fails or the signal aborts, undoes those that were begun.
 *
 * @throws Failure with the step that failed, and with steps that could not be undone.
 */
export async function applyTakeover(
  host: FrontHost,
  takeover: Takeover,
  plan: Plan,
  options: ApplyOptions,
): Promise<Applied> {
  const done: FrontStep[] = [];
  const run = async (steps: readonly FrontStep[]): Promise<void> => {
    for (const step of steps.filter(({ isNeeded }) => isNeeded)) {
      throwIfAborted(options.signal, 'Cannot go on');
      // Noted before it runs, so that a step that fails half-way is undone too.
      done.push(step);
      await step.run();
    }
  };
  try {
    await run(plan.files);
    if (!options.restart) return { checked: [], away: undefined };
    const began = options.clock.monotonic();
    await run(plan.services);
    await untilWingsAnswers(takeover.wings, takeover.wingsConfig, options.signal);
    if (takeover.moves) await holdAddress(host, takeover, options.signal);
    await untilWingsAnswers(publicUrl(takeover), takeover.wingsConfig, options.signal);
    const away = Math.round((options.clock.monotonic() - began) / 100) / 10;
    return { checked: await checkNode(takeover), away };
  } catch (error) {
    throw await turnBack(done, plan, error);
  }
}

/** Wings writes its file at its start, and a push of the panel may have come between: once more then. */
async function holdAddress(
  host: FrontHost,
  { wingsConfig: path, wings }: Takeover,
  signal: AbortSignal,
): Promise<void> {
  const now = readText(path);
  const moved = movedToLoopback(now, path, Number(new URL(wings).port));
  if (moved === now) return;
  await writeAs(path, moved, path);
  await systemctl(host, 'restart', WINGS_UNIT);
  await untilWingsAnswers(wings, path, signal);
}

async function turnBack(done: readonly FrontStep[], plan: Plan, cause: unknown): Promise<Failure> {
  const failure = asFailure(cause, 'Cannot take over this node');
  const left: string[] = [];
  for (const step of [...done].reverse()) {
    await step
      .back()
      .catch((error: unknown) => left.push(`${step.what}: ${asFailure(error, 'Cannot turn it back').message}`));
  }
  await plan.restored().catch((error: unknown) => left.push(asFailure(error, 'Cannot start Roost').message));
  const hint =
    left.length === 0
      ? `All was turned back; the node is as it was. ${failure.hint ?? ''}`.trim()
      : `Turned back, but for: ${left.join('; ')}. sudo roost front --undo tries it again.`;
  return new Failure(failure.code === 'config_invalid' ? 'internal' : failure.code, failure.message, { cause, hint });
}
