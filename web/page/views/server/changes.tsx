/** What changed in a backup since the one before it, or on the server since this backup was made. */
import { useSignal } from '@preact/signals';
import { compare, neighbours } from '../../api/looks.ts';
import type { Backup } from '../../api/shapes.ts';
import { useAnswer } from '../../live/answers.ts';
import { Effect } from '../../parts/effect.tsx';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { stamp } from '../../words/format.ts';

export interface ChangesProps {
  readonly backup: Backup;
  /** Another backup to compare with instead of the one before; undefined for that. */
  readonly other: Backup | undefined;
}

export function Changes({ backup, other }: ChangesProps) {
  const { serverId, id } = backup;
  const beside = useAnswer(() => neighbours(serverId, id), [serverId, id]);
  const older = other ?? beside.data?.older;
  const live = useSignal<boolean | undefined>(undefined);
  const isLive = live.value ?? (beside.data !== undefined && older === undefined);
  const known = beside.data !== undefined || other !== undefined;
  // Of two backups, the older one is what it was before.
  const [from, to] = order(backup, older);
  const found = useAnswer(() => {
    if (isLive) return compare(serverId, id, 'live');
    return known ? compare(serverId, from, to) : Promise.resolve(undefined);
  }, [serverId, from, to, isLive, known]);
  if (beside.failure !== undefined) return <FailureNote failure={beside.failure} again={beside.again} />;
  if (!known) return <GreyRows rows={3} />;
  return (
    <>
      <div class="pad">
        <div class="seg" role="group" aria-label="Compared with">
          {older !== undefined && (
            <button type="button" aria-pressed={!isLive} onClick={() => (live.value = false)}>
              {from === id ? 'up to' : 'since'} {stamp(older.createdAt)}
            </button>
          )}
          <button type="button" aria-pressed={isLive} onClick={() => (live.value = true)}>
            on the server now
          </button>
        </div>
        <p class="small muted">
          {isLive
            ? 'What is on the server now, against this backup.'
            : from === id
              ? `What the backup of ${stamp(older?.createdAt ?? '')} has, against this one.`
              : `What this backup has, against that of ${stamp(older?.createdAt ?? '')}.`}
        </p>
      </div>
      {found.failure !== undefined && (
        <div class="pad">
          <FailureNote failure={found.failure} again={found.again} />
        </div>
      )}
      {found.data === undefined ? (
        found.failure === undefined && <GreyRows rows={3} />
      ) : (
        <Effect key={found.data.id} server={serverId} preview={found.data} sameAs="the same in both" />
      )}
    </>
  );
}

function order(backup: Backup, other: Backup | undefined): readonly [string, string] {
  if (other === undefined) return ['', backup.id];
  return Date.parse(other.createdAt) > Date.parse(backup.createdAt) ? [backup.id, other.id] : [other.id, backup.id];
}
