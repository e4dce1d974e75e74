/** A backup with a name, a lock, and lines of what to leave out, with what it would hold. */
import { useSignal } from '@preact/signals';
import { createBackup, estimateOf } from '../../api/backups.ts';
import type { Server } from '../../api/shapes.ts';
import { useAction, useAnswer } from '../../live/answers.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureNote } from '../../parts/failure.tsx';
import { bytes, counted } from '../../words/format.ts';

const TYPING_MS = 400;

export function BackUpNow({ server, onClose }: { readonly server: Server; readonly onClose: () => void }) {
  const name = useSignal('');
  const locked = useSignal(false);
  const lines = useSignal('');
  const shownLines = useSignal('');
  const { busy, failure, run } = useAction();
  const ignore = (text: string) => (text.trim() === '' ? undefined : text.split('\n').filter((line) => line !== ''));
  const estimate = useAnswer(() => estimateOf(server.id, ignore(shownLines.value)), [server.id, shownLines.value]);
  const start = (): void => {
    const list = ignore(lines.value);
    const body = {
      locked: locked.value,
      ...(name.value.trim() === '' ? {} : { name: name.value.trim() }),
      ...(list === undefined ? {} : { ignore: list }),
    };
    void run(() => createBackup(server.id, body)).then((done) => done && onClose());
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (
    <Dialog title={`Back up ${server.name}`} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          start();
        }}
      >
        <label class="field">
          <span>Name</span>
          <input
            class="inp"
            maxLength={255}
            placeholder="such as: before the update"
            value={name.value}
            onInput={({ currentTarget }) => (name.value = currentTarget.value)}
          />
        </label>
        <label class="row">
          <input
            type="checkbox"
            checked={locked.value}
            onChange={({ currentTarget }) => (locked.value = currentTarget.checked)}
          />
          Lock it: neither deletion nor retention takes it
        </label>
        <details>
          <summary>Leave something out</summary>
          <label class="field">
            <span class="small muted">
              One pattern a line, as in .gitignore; without any the server’s own list counts
            </span>
            <textarea
              class="inp"
              value={lines.value}
              onInput={({ currentTarget }) => {
                lines.value = currentTarget.value;
                clearTimeout(timer);
                timer = setTimeout(() => (shownLines.value = lines.value), TYPING_MS);
              }}
            />
          </label>
        </details>
        <Estimated found={estimate} />
        {failure.value !== undefined && <FailureNote failure={failure.value} />}
        <button class="b p" type="submit" disabled={busy.value}>
          Back up now
        </button>
      </form>
    </Dialog>
  );
}

function Estimated({
  found,
}: {
  readonly found: ReturnType<typeof useAnswer<Awaited<ReturnType<typeof estimateOf>>>>;
}) {
  if (found.failure !== undefined) return <FailureNote failure={found.failure} again={found.again} />;
  if (found.data === undefined) return <p class="small muted">Counting…</p>;
  const { files, bytes: size, ignoredFiles, ignoredBytes, largestIgnored } = found.data;
  const [largest] = largestIgnored;
  return (
    <p class="small muted">
      It will hold {counted(files, 'file')}, {bytes(size)}.
      {ignoredFiles > 0 && ` Left out: ${counted(ignoredFiles, 'file')}, ${bytes(ignoredBytes)}`}
      {largest !== undefined && (
        <>
          , most of it <bdi class="mono">{largest.path}</bdi>
        </>
      )}
    </p>
  );
}
