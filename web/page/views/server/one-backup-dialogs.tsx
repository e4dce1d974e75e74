/** What is asked about one backup before it is deleted, renamed or compared. */
import { useSignal } from '@preact/signals';
import { backupPage, deleteBackup, renameBackup } from '../../api/backups.ts';
import type { Backup, Server } from '../../api/shapes.ts';
import { useAction, useAnswer } from '../../live/answers.ts';
import { replace, to } from '../../live/router.ts';
import { touch } from '../../live/state.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureNote } from '../../parts/failure.tsx';
import { bytes, stamp } from '../../words/format.ts';
import { titleOf } from './backups.tsx';

/** Asks before a backup is deleted; says why when it cannot be. */
export function Delete({
  backup,
  server,
  onClose,
}: {
  readonly backup: Backup;
  readonly server: Server;
  readonly onClose: () => void;
}) {
  const { busy, failure, run } = useAction();
  const newest = server.overview?.newest?.id === backup.id;
  const why = backup.isLocked
    ? 'It is locked. Unlock it first.'
    : newest
      ? 'It is the newest good backup: without it, nothing newer could be brought back. Make another one first.'
      : undefined;
  return (
    <Dialog title={`Delete the backup of ${stamp(backup.createdAt)}?`} onClose={onClose}>
      <p>
        <bdi>{titleOf(backup)}</bdi>, {bytes(backup.size)}. It is removed from every store, and cannot be brought back.
      </p>
      {why !== undefined && <p class="danger">{why}</p>}
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
      <div class="bs">
        <button class="b" type="button" onClick={onClose}>
          Keep it
        </button>
        {why === undefined && (
          <button
            class="b d"
            type="button"
            disabled={busy.value}
            onClick={() =>
              void run(() => deleteBackup(backup)).then((done) => {
                if (done) replace(to.server(backup.serverId));
              })
            }
          >
            Delete it
          </button>
        )}
      </div>
    </Dialog>
  );
}

export function Rename({ backup, onClose }: { readonly backup: Backup; readonly onClose: () => void }) {
  const name = useSignal(backup.name);
  const { busy, failure, run } = useAction();
  return (
    <Dialog title="Rename the backup" onClose={onClose}>
      <form
        class="pad"
        onSubmit={(event) => {
          event.preventDefault();
          void run(() => renameBackup(backup, name.value)).then((done) => {
            // A rename has no event, so read the list again.
            void touch(backup.serverId);
            if (done) onClose();
          });
        }}
      >
        <label class="field">
          Name
          <input
            class="inp"
            maxLength={255}
            value={name.value}
            onInput={({ currentTarget }) => (name.value = currentTarget.value)}
          />
        </label>
        {failure.value !== undefined && <FailureNote failure={failure.value} />}
        <button class="b p" type="submit" disabled={busy.value || name.value.trim() === ''}>
          Rename
        </button>
      </form>
    </Dialog>
  );
}

interface CompareWithProps {
  readonly backup: Backup;
  readonly onChoose: (other: Backup) => void;
  readonly onClose: () => void;
}

/** Of a server with more, the newest ones; another one is compared from its own details. */
const MOST_OTHERS = 500;

export function CompareWith({ backup, onChoose, onClose }: CompareWithProps) {
  const { data, failure, again } = useAnswer(() => backupPage(backup.serverId, MOST_OTHERS), [backup.serverId]);
  const others = (data?.items ?? []).filter(({ id, status }) => id !== backup.id && status === 'COMPLETED');
  const chosen = useSignal('');
  const other = others.find(({ id }) => id === chosen.value) ?? others[0];
  return (
    <Dialog title={`Compare the backup of ${stamp(backup.createdAt)}`} onClose={onClose}>
      {failure !== undefined && <FailureNote failure={failure} again={again} />}
      {data !== undefined && other === undefined && <p>There is no other backup to compare it with.</p>}
      {other !== undefined && (
        <form
          class="pad"
          onSubmit={(event) => {
            event.preventDefault();
            onChoose(other);
            onClose();
          }}
        >
          <label class="field">
            With
            <select class="inp" value={other.id} onChange={({ currentTarget }) => (chosen.value = currentTarget.value)}>
              {others.map((each) => (
                <option key={each.id} value={each.id}>
                  {stamp(each.createdAt)} · {titleOf(each)}
                </option>
              ))}
            </select>
          </label>
          <button class="b p" type="submit">
            Compare
          </button>
        </form>
      )}
    </Dialog>
  );
}
