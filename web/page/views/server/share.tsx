/** A link that lets an owner in, to this server alone. */
import { useSignal } from '@preact/signals';
import { answer, api } from '../../api/client.ts';
import type { Server } from '../../api/shapes.ts';
import { useAction } from '../../live/answers.ts';
import { addressOf } from '../../live/base.ts';
import { may } from '../../live/session.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureNote } from '../../parts/failure.tsx';

const CHOICES = [
  ['backup.read', 'see backups'],
  ['backup.create', 'make backups'],
  ['backup.download', 'download and browse'],
  ['backup.restore', 'restore and undo'],
  ['backup.delete', 'lock and delete'],
] as const;

type Choice = (typeof CHOICES)[number][0];

export function Share({ server, onClose }: { readonly server: Server; readonly onClose: () => void }) {
  const chosen = useSignal<ReadonlySet<Choice>>(
    new Set(CHOICES.map(([name]) => name).filter((name) => name !== 'backup.delete' && may(name))),
  );
  const label = useSignal('');
  const minutes = useSignal(60);
  const made = useSignal<string | undefined>(undefined);
  const copied = useSignal(false);
  const { busy, failure, run } = useAction();
  const make = async (): Promise<void> => {
    const body = {
      servers: [server.id],
      permissions: [...chosen.value],
      minutes: minutes.value,
      ...(label.value.trim() === '' ? {} : { label: label.value.trim() }),
    };
    const { code } = await answer(api.POST('/api/session/links', { body }));
    const url = addressOf(`#/in/${code}`).href;
    made.value = url;
    await navigator.clipboard?.writeText(url).then(
      () => (copied.value = true),
      () => undefined,
    );
  };
  return (
    <Dialog title={`Let somebody into ${server.name}`} onClose={onClose}>
      {made.value === undefined ? (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            void run(make);
          }}
        >
          <fieldset>
            <legend>May</legend>
            {CHOICES.filter(([name]) => may(name)).map(([name, text]) => (
              <label key={name} class="row">
                <input
                  type="checkbox"
                  checked={chosen.value.has(name)}
                  disabled={name === 'backup.read'}
                  onChange={({ currentTarget }) => {
                    const next = new Set(chosen.value);
                    if (currentTarget.checked) next.add(name);
                    else next.delete(name);
                    chosen.value = next;
                  }}
                />
                {text}
              </label>
            ))}
          </fieldset>
          <label class="field">
            <span>For whom (shown in the list of sessions)</span>
            <input
              class="inp"
              maxLength={100}
              value={label.value}
              onInput={({ currentTarget }) => (label.value = currentTarget.value)}
            />
          </label>
          <label class="field">
            <span>The link works once, for</span>
            <select
              class="inp"
              value={minutes.value}
              onChange={({ currentTarget }) => (minutes.value = Number(currentTarget.value))}
            >
              <option value={15}>15 minutes</option>
              <option value={60}>an hour</option>
              <option value={1440}>a day</option>
            </select>
          </label>
          {failure.value !== undefined && <FailureNote failure={failure.value} />}
          <button class="b p" type="submit" disabled={busy.value}>
            Copy link
          </button>
        </form>
      ) : (
        <>
          <p>{copied.value ? 'The link was copied. It works once.' : 'Copy this link; it works once.'}</p>
          <input class="inp mono" readOnly value={made.value} aria-label="The link" onFocus={select} />
        </>
      )}
    </Dialog>
  );
}

function select(event: { readonly currentTarget: HTMLInputElement }): void {
  event.currentTarget.select();
}
