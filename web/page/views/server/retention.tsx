/** What the rules of retention would let go now, and doing it. */
import { applyRetention } from '../../api/backups.ts';
import type { components } from '../../api/schema.d.ts';
import type { Server } from '../../api/shapes.ts';
import { useAction } from '../../live/answers.ts';
import { may } from '../../live/session.ts';
import { touch } from '../../live/state.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureNote } from '../../parts/failure.tsx';
import { bytes, counted, stamp } from '../../words/format.ts';
import { titleOf } from './backups.tsx';

type Rule = components['schemas']['Retention']['backups'][number];

export function Retention({
  server,
  found,
  onClose,
}: {
  readonly server: Server;
  readonly found: readonly Rule[];
  readonly onClose: () => void;
}) {
  const { busy, failure, run } = useAction();
  const going = found.filter(({ keep }) => !keep).map(({ backup }) => backup);
  const size = going.reduce((sum, backup) => sum + backup.size, 0);
  const apply = async (): Promise<void> => {
    await applyRetention(server.id);
    void touch(server.id);
  };
  return (
    <Dialog title="What retention would let go" onClose={onClose}>
      {going.length === 0 ? (
        <p>Nothing: the rules keep every backup of this server.</p>
      ) : (
        <p>
          {counted(going.length, 'backup')} of {counted(found.length, 'backup')}, {bytes(size)}. They go after the next
          good backup, or now. That cannot be undone.
        </p>
      )}
      <ul class="plain">
        {going.slice(0, 200).map((backup) => (
          <li key={backup.id} class="spread">
            <span>
              {stamp(backup.createdAt)} <bdi class="muted">{titleOf(backup)}</bdi>
            </span>
            <span class="muted">{bytes(backup.size)}</span>
          </li>
        ))}
      </ul>
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
      <div class="bs">
        <button class="b" type="button" onClick={onClose}>
          Close
        </button>
        {going.length > 0 && may('backup.delete') && (
          <button
            class="b d"
            type="button"
            disabled={busy.value}
            onClick={() => void run(apply).then((done) => done && onClose())}
          >
            Remove {counted(going.length, 'backup')} now
          </button>
        )}
      </div>
    </Dialog>
  );
}
