/** What a restore would change, or what has changed between two backups: files and bytes of each class, and each change. */
import { useSignal } from '@preact/signals';
import { changesOf, type Change, type Preview } from '../api/files.ts';
import type { Comparison } from '../api/looks.ts';
import { useAction } from '../live/answers.ts';
import { FailureNote } from './failure.tsx';
import { ArrowUpDown, CircleAlert, Plus, X } from './icons.ts';
import { Icon } from './icon.tsx';
import { bytes, count, counted } from '../words/format.ts';

const LOOKS = {
  added: { tone: 'plus', of: Plus },
  changed: { tone: 'chg', of: ArrowUpDown },
  deleted: { tone: 'minus', of: X },
  kept: { tone: 'muted', of: CircleAlert },
} as const;
const SHOWN = ['added', 'changed', 'deleted'] as const;

/** How much would change, for what the button says; nothing while there is no preview. */
export function effectOf(preview: Preview | undefined) {
  if (preview === undefined) return { files: 0, directories: 0, going: 0, goingFiles: 0, any: false };
  const { added, changed, deleted } = preview.totals;
  const files = added.files + changed.files;
  const directories = added.directories + changed.directories;
  const going = deleted.files + deleted.directories;
  return { files, directories, going, goingFiles: deleted.files, any: files + directories + going > 0 };
}

interface EffectProps {
  readonly server: string;
  readonly preview: Comparison;
  /** What the files are that are the same on both sides. */
  readonly sameAs: string;
}

export function Effect({ server, preview, sameAs }: EffectProps) {
  const { totals, id } = preview;
  const changes = useSignal<readonly Change[]>(preview.changes);
  const cursor = useSignal(preview.cursor);
  const { busy, failure, run } = useAction();
  const only = useSignal<Change['class'] | undefined>(undefined);
  const more = async (): Promise<void> => {
    const page = await changesOf(server, id, { class: only.value, cursor: cursor.value });
    [changes.value, cursor.value] = [[...changes.value, ...page.changes], page.cursor];
  };
  const show = async (kind: Change['class']): Promise<void> => {
    const page = await changesOf(server, id, { class: kind });
    [only.value, changes.value, cursor.value] = [kind, page.changes, page.cursor];
  };
  return (
    <>
      <div class="sum3">
        {SHOWN.map((kind) => (
          <div key={kind}>
            <button
              class={`link small ${LOOKS[kind].tone}`}
              type="button"
              aria-label={`Show what is ${kind}`}
              aria-pressed={only.value === kind}
              onClick={() => void run(() => show(kind))}
            >
              {kind}
            </button>
            <b>{count(totals[kind].files)}</b>
            <span class="small muted">{bytes(totals[kind].bytes)}</span>
          </div>
        ))}
      </div>
      {totals.same.files + totals.kept.files > 0 && (
        <p class="pad small muted">
          {totals.same.files > 0 && `${counted(totals.same.files, 'file')}, ${bytes(totals.same.bytes)}, ${sameAs}. `}
          {totals.kept.files > 0 &&
            `${counted(totals.kept.files, 'file')} of the backup left out, as what is there stays.`}
        </p>
      )}
      <div class="diff small" role="region" aria-label="Each change" tabIndex={0}>
        {changes.value.map((change) => (
          <Line key={`${change.class} ${change.path}`} change={change} />
        ))}
        {failure.value !== undefined && <FailureNote failure={failure.value} />}
        {cursor.value !== undefined && (
          <button class="link pad" type="button" disabled={busy.value} onClick={() => void run(more)}>
            Show more
          </button>
        )}
      </div>
    </>
  );
}

function Line({ change }: { readonly change: Change }) {
  // `same` does not occur in a list of changes.
  const { tone, of } = LOOKS[change.class === 'same' ? 'kept' : change.class];
  return (
    <div class="f">
      <span class={tone} title={change.class}>
        <Icon of={of} small />
        <span class="hidden">{change.class}</span>
      </span>
      <bdi class="mono name">{change.directory === true ? `${change.path}/` : change.path}</bdi>
      <span class="muted">
        {change.before === undefined || change.before === change.size ? '' : `${bytes(change.before)} → `}
        {change.directory === true ? '' : bytes(change.size)}
      </span>
    </div>
  );
}
