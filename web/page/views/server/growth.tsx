/** How the server grew: every attempt of the last months, also of backups that are gone. Its table says the same. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Attempt } from '../../api/shapes.ts';
import { bytes, count, duration, stamp } from '../../words/format.ts';
import type { Measure } from './chart.ts';

const MEASURES: readonly [Measure, string][] = [
  ['size', 'Size'],
  ['seconds', 'Duration'],
  ['files', 'Files'],
];

export interface GrowthProps {
  readonly attempts: readonly Attempt[];
  readonly chosen: string | undefined;
  readonly onChoose: (backup: string) => void;
}

export function Growth({ attempts, chosen, onChoose }: GrowthProps) {
  const measure = useSignal<Measure>('size');
  const element = useRef<HTMLDivElement>(null);
  const choose = useRef(onChoose);
  choose.current = onChoose;
  const shown = attempts.toReversed();
  const key = `${measure.value} ${chosen} ${shown.map(({ backup, goneAt }) => `${backup}${goneAt ?? ''}`).join()}`;
  useEffect(() => {
    const place = element.current;
    if (place === null || shown.length === 0) return undefined;
    let end: (() => void) | undefined;
    let gone = false;
    // Without its script, as of a daemon that was stopped meanwhile, the table still says the same.
    const script = import('./chart.ts').catch(() => undefined);
    void script.then((chart) => {
      if (gone || chart === undefined) return;
      end = chart.drawChart(place, { attempts: shown, measure: measure.value, chosen, onChoose: choose.current });
    });
    return () => {
      gone = true;
      end?.();
    };
  }, [key]);
  if (attempts.length === 0) return null;
  return (
    <section class="card" aria-label="Growth">
      <header>
        <h2>Growth</h2>
        <div class="seg" role="group" aria-label="What is shown">
          {MEASURES.map(([name, text]) => (
            <button
              key={name}
              type="button"
              aria-pressed={measure.value === name}
              onClick={() => (measure.value = name)}
            >
              {text}
            </button>
          ))}
        </div>
        <span class="grow" />
        <span class="legend">
          {measure.value === 'size' && (
            <>
              <span>
                <i class="reuse" />
                reused
              </span>
              <span>
                <i class="new" />
                new
              </span>
            </>
          )}
          <span>
            <i class="fail" />
            failed
          </span>
          <span>
            <i class="kept" />
            still kept
          </span>
        </span>
      </header>
      <div class="chart" ref={element} aria-hidden="true" />
      <Table attempts={attempts} />
    </section>
  );
}

/** Rows that are drawn at once; each press shows so many more. */
const ROWS = 400;

function Table({ attempts }: { readonly attempts: readonly Attempt[] }) {
  const open = useSignal(false);
  const shown = useSignal(ROWS);
  const more = Math.min(ROWS, attempts.length - shown.value);
  return (
    <details class="as-table" onToggle={({ currentTarget }) => (open.value = currentTarget.open)}>
      <summary>As a table</summary>
      {open.value && (
        <div class="scroll" role="region" aria-label="Growth as a table" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th>Made</th>
                <th>Result</th>
                <th>Size</th>
                <th>New</th>
                <th>Files</th>
                <th>Took</th>
              </tr>
            </thead>
            <tbody>
              {attempts.slice(0, shown.value).map((attempt) => (
                <tr key={attempt.backup}>
                  <td>{stamp(attempt.createdAt)}</td>
                  <td>{resultOf(attempt)}</td>
                  <td>{bytes(attempt.size)}</td>
                  <td>{bytes(attempt.size - attempt.reusedBytes)}</td>
                  <td>{count(attempt.files)}</td>
                  <td>{attempt.seconds === undefined ? '' : duration(attempt.seconds * 1000)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {more > 0 && (
            <button class="link pad" type="button" onClick={() => (shown.value += ROWS)}>
              Show {count(more)} more
            </button>
          )}
        </div>
      )}
    </details>
  );
}

function resultOf({ status, goneAt }: Attempt): string {
  if (status === 'FAILED') return 'failed';
  return goneAt === undefined ? 'kept' : 'removed since';
}
