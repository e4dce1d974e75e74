/** The backups of a server by day, newest first; more come as the list is scrolled. */
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { backupPage } from '../../api/backups.ts';
import type { Backup, Server } from '../../api/shapes.ts';
import { now } from '../../live/now.ts';
import { useFilled, usePages } from '../../live/pages.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { Check, CircleAlert, LoaderCircle, Lock, Search, ShieldCheck, X } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { bytes, count, counted, day, dayKey, duration, time } from '../../words/format.ts';
import { words } from '../../words/words.ts';

const PAGE = 100;

type Filter = 'all' | 'good' | 'failed' | 'locked';

export interface BackupsProps {
  readonly server: Server;
  readonly chosen: string | undefined;
  readonly onChoose: (id: string) => void;
  /** Ids of backups that retention would delete. */
  readonly going: ReadonlySet<string>;
  /** A counter: when it changes, the list is read again. */
  readonly changes: number;
}

export function Backups({ server, chosen, onChoose, going, changes }: BackupsProps) {
  const filter = useSignal<Filter>('all');
  const text = useSignal('');
  const pages = usePages(server.id, (cursor) => backupPage(server.id, PAGE, cursor), changes);
  const { items: backups, failure, isEnd, more, retry } = pages;
  const wanted = text.value.trim().toLowerCase();
  const items = useMemo(() => listed(backups ?? [], filter.value, wanted), [backups, filter.value, wanted]);
  useFilled(pages, items.length, `${filter.value} ${wanted}`);
  if (backups === undefined)
    return failure === undefined ? <GreyRows /> : <FailureNote failure={failure} again={retry} />;
  const chips: readonly [Filter, string][] = [
    ['all', 'All'],
    ['good', 'Good'],
    ['failed', 'Failed'],
    ['locked', 'Locked'],
  ];
  return (
    <section class="card" aria-label="Backups">
      <header>
        <h2>Backups</h2>
        <span class="muted small">{count(server.backups)}</span>
        <label class="find small-find">
          <Icon of={Search} small />
          <input
            type="search"
            aria-label="Find a backup by name"
            placeholder="Name"
            value={text.value}
            onInput={({ currentTarget }) => (text.value = currentTarget.value)}
          />
        </label>
        <span class="grow" />
        <div class="chips">
          {chips.map(([name, label]) => (
            <button
              key={name}
              class="chip"
              type="button"
              aria-pressed={filter.value === name}
              onClick={() => (filter.value = name)}
            >
              {label}
            </button>
          ))}
        </div>
      </header>
      {items.length === 0 ? (
        <p class="pad muted">{noneOf(backups, isEnd || failure !== undefined)}</p>
      ) : (
        <VirtualList
          items={items}
          keyOf={({ backup }) => backup.id}
          estimate={52}
          label="Backups"
          onEnd={more}
          row={({ backup, first }) => (
            <Row
              backup={backup}
              first={first}
              chosen={backup.id === chosen}
              going={going.has(backup.id)}
              onChoose={onChoose}
            />
          )}
        />
      )}
      {failure !== undefined && (
        <div class="pad">
          <FailureNote failure={failure} again={retry} />
        </div>
      )}
    </section>
  );
}

/** Those that are chosen; `first` of each day. */
function listed(backups: readonly Backup[], filter: Filter, wanted: string) {
  const shown = backups
    .filter((backup) => matches(backup, filter))
    .filter(
      (backup) => wanted === '' || titleOf(backup).toLowerCase().includes(wanted) || backup.id.startsWith(wanted),
    );
  return shown.map((backup, at) => ({ backup, first: at === 0 || keyOf(shown[at - 1]) !== keyOf(backup) }));
}

function noneOf(backups: readonly Backup[], isEnd: boolean): string {
  if (!isEnd) return 'Looking…';
  return backups.length === 0 ? 'No backup yet.' : 'None of those that are loaded.';
}

function matches(backup: Backup, filter: Filter): boolean {
  if (filter === 'good') return isGood(backup);
  if (filter === 'failed') return backup.status === 'FAILED' || backup.damagedAt !== undefined;
  return filter === 'all' || backup.isLocked;
}

export function isGood({ status, damagedAt, suspect, acceptedAt }: Backup): boolean {
  const complete = status === 'COMPLETED' || status === 'RESTORING';
  return complete && damagedAt === undefined && (suspect === undefined || acceptedAt !== undefined);
}

function keyOf(backup: Backup | undefined): string {
  return backup === undefined ? '' : dayKey(backup.createdAt);
}

/** A name that the node chose says nothing that the row does not say. */
export function titleOf({ name, named, origin, status, error }: Backup): string {
  if (status === 'FAILED' && named !== true) return error?.message ?? 'Failed';
  if (named !== false) return name;
  return origin?.by === 'schedule' ? 'Scheduled backup' : 'Backup';
}

interface RowProps {
  readonly backup: Backup;
  readonly first: boolean;
  readonly chosen: boolean;
  readonly going: boolean;
  readonly onChoose: (id: string) => void;
}

function Row({ backup, first, chosen, going, onChoose }: RowProps) {
  const { id, createdAt, size, reusedBytes, seconds, status, isLocked, warningCount, verifiedAt, origin } = backup;
  const complete = size > 0 && status !== 'FAILED';
  return (
    <>
      {first && <div class="day">{day(createdAt, now.value)}</div>}
      <button
        type="button"
        data-row
        class={chosen ? 'bk sel' : 'bk'}
        aria-pressed={chosen}
        onClick={() => onChoose(id)}
      >
        <span class="mono">{time(createdAt)}</span>
        <span>
          <span class="nm">
            <Mark backup={backup} />
            <bdi>{titleOf(backup)}</bdi>
            {isLocked && <Icon of={Lock} small />}
          </span>
          <span class="sub">
            {complete && <span>{Math.round((100 * reusedBytes) / size)} % reused</span>}
            {verifiedAt !== undefined && (
              <span class="st ok small">
                <Icon of={ShieldCheck} small />
                verified
              </span>
            )}
            {warningCount > 0 && (
              <span class="st warn small">
                <Icon of={CircleAlert} small />
                {counted(warningCount, 'warning')}
              </span>
            )}
            {status === 'FAILED' && origin !== undefined && <span>{words.origins[origin.by]}</span>}
            {going && <span>goes next</span>}
          </span>
        </span>
        <span class="num">
          <b>{complete ? bytes(size) : '—'}</b>
        </span>
        <span class="dl num">{complete ? `+${bytes(size - reusedBytes)}` : ''}</span>
        <span class="dur muted small num">{seconds === undefined ? '' : duration(seconds * 1000)}</span>
      </button>
    </>
  );
}

function Mark({ backup }: { readonly backup: Backup }) {
  if (backup.status === 'IN_PROGRESS') return <Shape tone="run" of={LoaderCircle} name="being made" />;
  if (backup.status === 'FAILED') return <Shape tone="bad" of={X} name="failed" />;
  if (backup.damagedAt !== undefined) return <Shape tone="bad" of={X} name="damaged" />;
  if (!isGood(backup)) return <Shape tone="warn" of={CircleAlert} name="suspect" />;
  return <Shape tone="ok" of={Check} name="good" />;
}

function Shape({ tone, of, name }: { readonly tone: string; readonly of: typeof Check; readonly name: string }) {
  return (
    <span class={`st ${tone}`} title={name}>
      <Icon of={of} small />
    </span>
  );
}
