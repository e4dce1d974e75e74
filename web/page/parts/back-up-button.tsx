import { createBackup } from '../api/backups.ts';
import type { Server } from '../api/shapes.ts';
import { useAction } from '../live/answers.ts';
import { may } from '../live/session.ts';
import { jobOfServer } from '../live/state.ts';

/** A button that makes a backup, with the reason beside it when that was refused. */
export function BackUpButton({
  server,
  look,
  text = 'Back up',
}: {
  readonly server: Server;
  readonly look: string;
  readonly text?: string;
}) {
  const { busy, failure, run } = useAction();
  if (!may('backup.create') || server.suspended || server.state !== undefined) return null;
  return (
    <>
      {failure.value !== undefined && (
        <span class="st bad small" role="alert" title={failure.value.hint}>
          {failure.value.message}
        </span>
      )}
      <button
        class={look}
        type="button"
        aria-label={`${text}: ${server.name}`}
        disabled={busy.value || jobOfServer(server.id) !== undefined}
        onClick={() => void run(() => createBackup(server.id))}
      >
        {text}
      </button>
    </>
  );
}
