/** A restore that can be taken back, until when, and doing so. */
import { useSignal } from '@preact/signals';
import { undoRestore } from '../../api/backups.ts';
import type { Server } from '../../api/shapes.ts';
import { useAction } from '../../live/answers.ts';
import { now } from '../../live/now.ts';
import { may } from '../../live/session.ts';
import { jobOfServer, touch } from '../../live/state.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureNote } from '../../parts/failure.tsx';
import { RotateCcw } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { moment } from '../../words/format.ts';

export function UndoBanner({ server }: { readonly server: Server }) {
  const open = useSignal(false);
  const undo = server.overview?.undo;
  if (undo === undefined) return null;
  return (
    <section class="banner" aria-label="A restore that can be undone">
      <Icon of={RotateCcw} />
      <span class="grow">
        <b>The server was restored.</b> What was there before is kept until {moment(undo.until, now.value)}.
      </span>
      {may('backup.restore') && (
        <button class="b t" type="button" onClick={() => (open.value = true)}>
          Undo the restore…
        </button>
      )}
      {open.value && <UndoDialog server={server} backup={undo.backup} onClose={() => (open.value = false)} />}
    </section>
  );
}

function UndoDialog({
  server,
  backup,
  onClose,
}: {
  readonly server: Server;
  readonly backup: string;
  readonly onClose: () => void;
}) {
  const { busy, failure, run } = useAction();
  const undo = async (): Promise<void> => {
    await undoRestore(server.id, backup);
    touch(server.id);
  };
  return (
    <Dialog title="Undo the restore?" onClose={onClose}>
      <p>
        Everything that the restore replaced or deleted comes back as it was. What was made or changed since the restore
        in the same places is lost. The server is stopped for it, and started again if it ran.
      </p>
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
      <div class="bs">
        <button class="b" type="button" onClick={onClose}>
          Leave it
        </button>
        <button
          class="b p"
          type="button"
          disabled={busy.value || jobOfServer(server.id) !== undefined}
          onClick={() => void run(undo).then((done) => done && onClose())}
        >
          Undo
        </button>
      </div>
    </Dialog>
  );
}
