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

interface Held<Data> {
  /** Of the keys that it was asked for by. */
  readonly key: string;
  readonly data: Data | undefined;
  readonly failure: ApiFailure | undefined;
}

/**
 * From the moment that a key changes, nothing of before is returned: an effect comes a frame later, and in that frame a
 * click would act on the answer to another question.
 *
 * @param ask gets a function that returns whether its answer is still wanted.
 * @param keys the values that the request depends on; when one changes, it is sent again.
 * @param follow a signal whose change asks again and keeps what is shown.
 */
export function useAnswer<Data>(
  ask: (wanted: () => boolean) => Promise<Data>,
  keys: readonly (string | number | boolean | undefined)[],
  follow?: () => unknown,
): Asked<Data> {
  const key = JSON.stringify(keys);
  const held = useSignal<Held<Data>>({ key, data: undefined, failure: undefined });
  const slow = useSignal(false);
  const newest = useRef(0);
  const latest = useRef({ ask, key });
  latest.current = { ask, key };
  const again = (): void => {
    const own = ++newest.current;
    const { ask: send, key: sent } = latest.current;
    const timer = setTimeout(() => (slow.value = held.value.data === undefined), SLOW_MS);
    send(() => own === newest.current)
      .then(
        (data) => {
          if (own === newest.current) held.value = { key: sent, data, failure: undefined };
        },
        (error: unknown) => {
          const { key: known, data } = held.value;
          if (own !== newest.current) return;
          held.value = { key: sent, data: known === sent ? data : undefined, failure: failureOf(error) };
        },
      )
      .finally(() => {
        clearTimeout(timer);
        if (own === newest.current) slow.value = false;
      });
  };
  useEffect(() => {
    if (held.peek().key !== key) held.value = { key, data: undefined, failure: undefined };
    again();
    return () => void newest.current++;
  }, [key]);
  const first = useRef(true);
  useSignalEffect(() => {
    follow?.();
    if (first.current) first.current = false;
    else again();
  });
  const { data, failure } = held.value.key === key ? held.value : { data: undefined, failure: undefined };
  return { data, failure, slow: slow.value, again };
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
