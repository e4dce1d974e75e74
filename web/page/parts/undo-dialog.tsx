/** Asks before a restore is taken back. */
import { undoRestore } from '../api/backups.ts';
import { useAction } from '../live/answers.ts';
import { endOf } from '../live/ended.ts';
import { jobOfServer, touch } from '../live/state.ts';
import { words } from '../words/words.ts';
import { Dialog } from './dialog.tsx';
import { FailureNote } from './failure.tsx';

interface UndoDialogProps {
  readonly server: string;
  readonly backup: string;
  readonly onClose: () => void;
  readonly onDone?: () => void;
}

export function UndoDialog({ server, backup, onClose, onDone = onClose }: UndoDialogProps) {
  const { busy, failure, run } = useAction();
  const undo = async (): Promise<void> => {
    await endOf(await undoRestore(server, backup));
    void touch(server);
  };
  return (
    <Dialog title="Undo the restore?" onClose={onClose}>
      <p>
        Everything that the restore replaced or deleted comes back as it was. What was made or changed since the restore
        in the same places is lost. {words.stops}
      </p>
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
      <div class="bs">
        <button class="b" type="button" onClick={onClose}>
          Leave it
        </button>
        <button
          class="b p"
          type="button"
          disabled={busy.value || jobOfServer(server) !== undefined}
          onClick={() => void run(undo).then((done) => done && onDone())}
        >
          {busy.value ? 'Undoing…' : 'Undo'}
        </button>
      </div>
    </Dialog>
  );
}
