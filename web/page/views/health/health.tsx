/** What the doctor finds, worst first; what is in order is folded away. */
import type { Finding } from '../../api/shapes.ts';
import { useAnswer } from '../../live/answers.ts';
import { examine } from '../../live/findings.ts';
import { may } from '../../live/session.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { Check, TriangleAlert, X } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { counted } from '../../words/format.ts';
import { Reports } from './reports.tsx';

const ORDER = { fault: 0, warning: 1, ok: 2 } as const;

export function Health() {
  const { data, failure, again } = useAnswer(examine, []);
  const wrong = data?.filter(({ level }) => level !== 'ok').sort((one, other) => ORDER[one.level] - ORDER[other.level]);
  const fine = data?.filter(({ level }) => level === 'ok') ?? [];
  return (
    <>
      <div class="spread">
        <h1>
          {wrong === undefined ? 'Health' : wrong.length === 0 ? 'All is in order' : counted(wrong.length, 'finding')}
        </h1>
        <button class="b" type="button" onClick={again}>
          Look again
        </button>
      </div>
      {failure !== undefined && <FailureNote failure={failure} again={again} />}
      {data === undefined && failure === undefined && <GreyRows />}
      {wrong !== undefined && wrong.length > 0 && (
        <section class="card" aria-label="Findings">
          {wrong.map((finding) => (
            <Line key={`${finding.check} ${finding.message}`} finding={finding} />
          ))}
        </section>
      )}
      {may('node.read') && <Reports />}
      {fine.length > 0 && (
        <details class="card">
          <summary class="pad">{counted(fine.length, 'check')} in order</summary>
          {fine.map((finding) => (
            <Line key={`${finding.check} ${finding.message}`} finding={finding} />
          ))}
        </details>
      )}
    </>
  );
}

function Line({ finding }: { readonly finding: Finding }) {
  const { level, message, hint } = finding;
  const [tone, of] = { ok: ['ok', Check], warning: ['warn', TriangleAlert], fault: ['bad', X] }[level] as [
    string,
    typeof Check,
  ];
  return (
    <div class="att">
      <span class={`st ${tone}`} title={level}>
        <Icon of={of} />
      </span>
      <span class="what">{message}</span>
      {hint !== undefined && <span class="hint">{hint}</span>}
      <span />
    </div>
  );
}
