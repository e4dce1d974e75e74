/**
 * What will happen, and the button that does it. Nothing changes before its effect was shown: each change of a choice
 * takes the button away until the new effect is known.
 */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { downloadBackup } from '../../api/backups.ts';
import { previewOf, restoreBackup, type PreviewWish } from '../../api/files.ts';
import { ApiFailure } from '../../api/failures.ts';
import type { Backup } from '../../api/shapes.ts';
import { useAction, useAnswer } from '../../live/answers.ts';
import { endOf, type Ended } from '../../live/ended.ts';
import { now } from '../../live/now.ts';
import { may } from '../../live/session.ts';
import { jobOfServer, serverOf, touch } from '../../live/state.ts';
import { Effect, effectOf } from '../../parts/effect.tsx';
import { FailureNote } from '../../parts/failure.tsx';
import { CancelButton, ProgressBar, progressText } from '../../parts/job-progress.tsx';
import { Download, RotateCcw, ShieldCheck } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { ago, count, counted } from '../../words/format.ts';
import { words } from '../../words/words.ts';
import { Done } from './done.tsx';
import type { Ticks } from './files.tsx';
import { Sheet } from './sheet.tsx';

const UNDO_HOURS = 24;
/** Codes of a preview that does not hold any more, or is kept no longer. */
const OUTDATED: ReadonlySet<string> = new Set(['preview_outdated', 'path_not_found']);

let choices = 0;

export interface RestoreProps {
  readonly server: string;
  readonly name: string;
  readonly backup: Backup;
  readonly ticked: Ticks;
  readonly onClear: () => void;
}

export function Restore({ server, name, backup, ticked, onClear }: RestoreProps) {
  const chosenExact = useSignal(false);
  const keepIgnored = useSignal(true);
  const keepPrevious = useSignal(true);
  const first = useSignal(true);
  const typed = useSignal('');
  const result = useSignal<Ended | undefined>(undefined);
  const { busy, failure, run } = useAction();
  const saving = useAction();
  // There may be 10,000 of them, and a job that runs draws this four times a second.
  const paths = useMemo(() => [...ticked.keys()].sort(), [ticked]);
  // A file alone has nothing below it that could go.
  const mayBeExact = useMemo(() => ticked.size === 0 || [...ticked.values()].includes('directory'), [ticked]);
  const exact = mayBeExact && chosenExact.value;
  const wish = useMemo(
    (): PreviewWish => ({
      ...(paths.length === 0 ? {} : { files: paths }),
      ...(exact ? { truncate: true, keepIgnored: keepIgnored.value } : {}),
    }),
    [paths, exact, keepIgnored.value],
  );
  const choice = useMemo(() => ++choices, [wish]);
  const looks = useSignal(0);
  const preview = useAnswer(
    (wanted) => previewOf(server, backup.id, wish, () => wanted() && result.value === undefined),
    [choice, result.value === undefined, looks.value],
  );
  const effect = effectOf(preview.data);
  const { going } = effect;
  const backingUp = going > 0 && first.value && may('backup.create');
  const most = going > 0 && going > Math.max(1, backup.files) / 2;
  const what = paths.length === 0 ? 'everything' : counted(paths.length, 'selected item');
  const job = jobOfServer(server);
  const restore = async (): Promise<void> => {
    let job: string;
    try {
      job = await restoreBackup(server, backup.id, {
        preview: preview.data?.id,
        // When it fails, nothing is restored.
        ...(backingUp ? { backupFirst: true } : {}),
        ...(keepPrevious.value ? { keepPrevious: UNDO_HOURS } : {}),
      });
    } catch (error) {
      // The shown preview is out of date: load a new one before the button can be pressed again.
      if (error instanceof ApiFailure && OUTDATED.has(error.code)) looks.value++;
      throw error;
    }
    result.value = await endOf(job);
    onClear();
    void touch(server);
  };
  if (result.value !== undefined) {
    return (
      <Sheet label="Restored" button="Restored: see what was done">
        <Done server={server} backup={backup.id} result={result.value} onClose={() => (result.value = undefined)} />
      </Sheet>
    );
  }
  return (
    <Sheet
      label={`Restore ${what}`}
      button={paths.length === 0 ? 'Restore everything…' : `${count(paths.length)} selected: restore…`}
    >
      <header class="spread head">
        <h2>Restore {what}</h2>
        {paths.length > 0 && (
          <button class="link small" type="button" onClick={onClear}>
            clear
          </button>
        )}
      </header>
      <div class="pad">
        {mayBeExact ? (
          <>
            <Choice
              on={!exact}
              onChoose={() => (chosenExact.value = false)}
              title={paths.length === 0 ? 'Lay it over the server' : 'Put back what is selected'}
              text={
                paths.length === 0
                  ? 'What is only on the server stays.'
                  : 'Everything else on the server stays as it is.'
              }
            />
            <Choice
              on={exact}
              onChoose={() => (chosenExact.value = true)}
              title={
                paths.length === 0
                  ? 'Make the server exactly as it was'
                  : 'Make the selected folders exactly as they were'
              }
              text="Also deletes what is there now and was not then."
            />
          </>
        ) : (
          <p class="small muted">Everything else on the server stays as it is.</p>
        )}
        {exact && (
          <Check on={keepIgnored.value} onChange={(on) => (keepIgnored.value = on)}>
            Leave what backups leave out
          </Check>
        )}
        <Check on={keepPrevious.value} onChange={(on) => (keepPrevious.value = on)}>
          Keep what is replaced for <b>{UNDO_HOURS} hours</b>, so that I can undo
        </Check>
      </div>
      <div class="prev">
        <div class="spread sub">
          <h2>What will happen</h2>
          {preview.data !== undefined && <span class="small muted">looked at {ago(preview.data.at, now.value)}</span>}
        </div>
        {preview.failure !== undefined && (
          <div class="pad">
            <FailureNote failure={preview.failure} again={preview.again} />
          </div>
        )}
        {preview.data === undefined
          ? preview.failure === undefined && <p class="pad muted">Looking…</p>
          : !busy.value && (
              <Effect key={preview.data.id} server={server} preview={preview.data} sameAs="as in the backup already" />
            )}
        <div class="pad notes">
          {backup.verifiedAt !== undefined && (
            <span class="small st ok long">
              <Icon of={ShieldCheck} small />
              The archive was verified {ago(backup.verifiedAt, now.value)}.
            </span>
          )}
          {going > 0 && may('backup.create') && (
            <div class="danger">
              <span>
                <b>{effect.goingFiles > 0 ? counted(effect.goingFiles, 'file') : counted(going, 'folder')} will go.</b>{' '}
                <Newest server={server} />
              </span>
              <Check on={first.value} onChange={(on) => (first.value = on)}>
                Back the server up first
              </Check>
            </div>
          )}
          {most && (
            <label class="field">
              <span>
                This deletes most of the server. Type its name, <b>{name}</b>, to go on:
              </span>
              <input
                class="inp"
                value={typed.value}
                onInput={({ currentTarget }) => (typed.value = currentTarget.value)}
              />
            </label>
          )}
          {failure.value !== undefined && <FailureNote failure={failure.value} />}
        </div>
      </div>
      <div class="foot">
        {busy.value && job !== undefined ? (
          <>
            <ProgressBar job={job} label="Restoring" />
            <span class="small muted">{progressText(job)}</span>
            <CancelButton key={job.id} job={job} />
          </>
        ) : (
          <>
            <button
              class={going > 0 ? 'b d' : 'b p'}
              type="button"
              disabled={busy.value || preview.data === undefined || !effect.any || (most && typed.value !== name)}
              onClick={() => void run(restore)}
            >
              <Icon of={RotateCcw} small />
              {busy.value ? 'Restoring…' : buttonText(effect, backingUp)}
            </button>
            {paths.length > 0 && may('backup.download') && (
              <button
                class="b"
                type="button"
                disabled={saving.busy.value}
                onClick={() => void saving.run(() => downloadBackup(server, backup.id, paths))}
              >
                <Icon of={Download} small />
                {paths.length === 1 ? 'Download it' : 'Download them'}
              </button>
            )}
            <span class="small muted">Nothing changes before you press it. {words.stops}</span>
            {saving.failure.value !== undefined && <FailureNote failure={saving.failure.value} />}
          </>
        )}
      </div>
    </Sheet>
  );
}

function buttonText({ files, going, any, directories }: ReturnType<typeof effectOf>, backingUp: boolean): string {
  if (!any) return 'Nothing to restore';
  if (backingUp) return 'Back up, then restore';
  if (files + going === 0) return `Restore ${counted(directories, 'folder')}`;
  return `Restore ${counted(files, 'file')}${going > 0 ? `, delete ${count(going)}` : ''}`;
}

function Newest({ server }: { readonly server: string }) {
  const newest = serverOf(server)?.overview?.newest;
  if (newest === undefined) return <>There is no good backup: what was made since is in none.</>;
  return <>The newest good backup is from {ago(newest.createdAt, now.value)}: what was made since is in none.</>;
}

interface ChoiceProps {
  readonly on: boolean;
  readonly onChoose: () => void;
  readonly title: string;
  readonly text: string;
}

function Choice({ on, onChoose, title, text }: ChoiceProps) {
  return (
    <label class={on ? 'opt on' : 'opt'}>
      <input type="radio" name="how" checked={on} onChange={onChoose} />
      <b>{title}</b>
      <small>{text}</small>
    </label>
  );
}

interface CheckProps {
  readonly on: boolean;
  readonly onChange: (on: boolean) => void;
  readonly children: ComponentChildren;
}

function Check({ on, onChange, children }: CheckProps) {
  return (
    <label class="row">
      <input type="checkbox" checked={on} onChange={({ currentTarget }) => onChange(currentTarget.checked)} />
      <span>{children}</span>
    </label>
  );
}
