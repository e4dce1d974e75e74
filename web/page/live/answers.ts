/** What a view asks for: the answer of before stays while the next one comes. */
import { useSignal, useSignalEffect, type ReadonlySignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { failureOf, type ApiFailure } from '../api/failures.ts';

export interface Asked<Data> {
  readonly data: Data | undefined;
  readonly failure: ApiFailure | undefined;
  /** True from 300 ms on without any answer. */
  readonly slow: boolean;
  readonly again: () => void;
}

const SLOW_MS = 300;

/**
 * @param ask gets a function that returns whether its answer is still wanted.
 * @param keys the values that the request depends on; when one changes, it is sent again.
 * @param follow a signal whose change asks again and keeps what is shown.
 */
export function useAnswer<Data>(
  ask: (wanted: () => boolean) => Promise<Data>,
  keys: readonly (string | number | boolean | undefined)[],
  follow?: () => unknown,
): Asked<Data> {
  const data = useSignal<Data | undefined>(undefined);
  const failure = useSignal<ApiFailure | undefined>(undefined);
  const slow = useSignal(false);
  const newest = useRef(0);
  const latest = useRef(ask);
  latest.current = ask;
  const again = (): void => {
    const own = ++newest.current;
    const timer = setTimeout(() => (slow.value = data.value === undefined), SLOW_MS);
    latest
      .current(() => own === newest.current)
      .then(
        (found) => {
          if (own !== newest.current) return;
          [data.value, failure.value] = [found, undefined];
        },
        (error: unknown) => {
          if (own === newest.current) failure.value = failureOf(error);
        },
      )
      .finally(() => {
        clearTimeout(timer);
        if (own === newest.current) slow.value = false;
      });
  };
  const key = JSON.stringify(keys);
  useEffect(() => {
    [data.value, failure.value] = [undefined, undefined];
    again();
    return () => void newest.current++;
  }, [key]);
  const first = useRef(true);
  useSignalEffect(() => {
    follow?.();
    if (first.current) first.current = false;
    else again();
  });
  return { data: data.value, failure: failure.value, slow: slow.value, again };
}

/** True while an action runs; a failure of it, until the next one. */
export function useAction(): {
  readonly busy: ReadonlySignal<boolean>;
  readonly failure: ReadonlySignal<ApiFailure | undefined>;
  readonly run: (action: () => Promise<unknown>) => Promise<boolean>;
} {
  const busy = useSignal(false);
  const failure = useSignal<ApiFailure | undefined>(undefined);
  const run = async (action: () => Promise<unknown>): Promise<boolean> => {
    if (busy.value) return false;
    [busy.value, failure.value] = [true, undefined];
    try {
      await action();
      return true;
    } catch (error) {
      failure.value = failureOf(error);
      return false;
    } finally {
      busy.value = false;
    }
  };
  return { busy, failure, run };
}
