/** The view for every restore: on the left the backup's files, on the right what restoring the ticked ones would change. */
import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { backupOf, downloadBackup } from '../../api/backups.ts';
import { neighbours } from '../../api/looks.ts';
import type { Backup } from '../../api/shapes.ts';
import { useAction, useAnswer } from '../../live/answers.ts';
import { replace, route, to } from '../../live/router.ts';
import { may } from '../../live/session.ts';
import { changesOf, serverOf } from '../../live/state.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { ChevronLeft, ChevronRight, Download, Search } from '../../parts/icons.ts';
import { Crumbs } from '../../parts/crumbs.tsx';
import { Icon } from '../../parts/icon.tsx';
import { bytes, stamp } from '../../words/format.ts';
import { Content } from './content.tsx';
import { Files, type Shown, type Ticks } from './files.tsx';
import { type Place, useLevel } from './level.ts';
import { Restore } from './restore.tsx';
import './browse.css';

/** What is ticked, by its path: an older or newer backup of the same server keeps it. */
const ticks = signal<{ readonly server: string; readonly paths: Ticks }>({ server: '', paths: new Map() });
const NONE: Ticks = new Map();

export function Browse() {
  const { params, query } = route.value;
  const [server = '', backup = ''] = [params['server'], params['backup']];
  const path = query.get('path') ?? '';
  const pick = query.get('pick');
  useEffect(() => {
    if (ticks.peek().server !== server || pick !== null) {
      const kind = query.get('kind') === 'directory' ? 'directory' : 'file';
      ticks.value = { server, paths: pick === null ? NONE : new Map([[pick, kind]]) };
    }
    if (pick !== null) replace(to.browse(server, backup, path === '' ? {} : { path }));
  }, [server, pick]);
  return <Surface key={server} server={server} id={backup} path={path} />;
}

function Surface({ server, id, path }: { readonly server: string; readonly id: string; readonly path: string }) {
  const backup = useAnswer(() => backupOf(server, id), [server, id]);
  const text = useSignal('');
  const opened = useSignal<Shown | undefined>(undefined);
  const place: Place = { server, backup: id, path, text: text.value.trim() };
  const level = useLevel(place);
  const name = serverOf(server)?.name ?? server.slice(0, 8);
  const ticked = ticks.value.server === server ? ticks.value.paths : NONE;
  if (backup.data === undefined) {
    if (backup.failure !== undefined) return <FailureNote failure={backup.failure} again={backup.again} />;
    return <GreyRows rows={8} />;
  }
  const { createdAt } = backup.data;
  return (
    <>
      <div class="spread">
        <div>
          <Crumbs>
            <a class="link" href={to.server(server, id)}>
              <bdi>{name}</bdi>
            </a>
            <span>{stamp(createdAt)}</span>
          </Crumbs>
          <h1>Browse and restore</h1>
        </div>
        <Steps backup={backup.data} path={path} />
      </div>
      <div class={may('backup.restore') ? 'card browse' : 'card'}>
        <section aria-label="Files of the backup">
          <div class="spread head">
            <Path server={server} backup={id} path={path} name={name} />
            <label class="find in-backup">
              <Icon of={Search} small />
              <input
                type="search"
                aria-label="Find in this backup"
                placeholder="Find in this backup"
                maxLength={255}
                value={text.value}
                onInput={({ currentTarget }) => (text.value = currentTarget.value.replaceAll('/', ''))}
              />
            </label>
          </div>
          {level.failure !== undefined && (
            <div class="pad">
              <FailureNote failure={level.failure} again={level.retry} />
            </div>
          )}
          {level.items === undefined ? (
            level.failure === undefined && <GreyRows rows={8} />
          ) : (
            <Files
              server={server}
              backup={id}
              items={level.items}
              found={place.text !== ''}
              none={place.text === '' ? 'An empty folder.' : 'Nothing in this backup has such a name.'}
              ticked={ticked}
              onTick={(paths) => (ticks.value = { server, paths })}
              onOpen={(item) => (opened.value = item)}
              onEnd={level.more}
            />
          )}
          {place.text !== '' && (
            <p class="pad small">
              <a class="link" href={to.find(server, place.text)}>
                Find it in all backups, with its versions
              </a>
            </p>
          )}
        </section>
        {may('backup.restore') && (
          <Restore
            key={id}
            server={server}
            name={name}
            backup={backup.data}
            ticked={ticked}
            onClear={() => (ticks.value = { server, paths: NONE })}
          />
        )}
      </div>
      {opened.value !== undefined && (
        <Content server={server} backup={id} item={opened.value} onClose={() => (opened.value = undefined)} />
      )}
    </>
  );
}

/** Links to the backups before and after, at the same path and with the same ticks, and the download of this one. */
function Steps({ backup, path }: { readonly backup: Backup; readonly path: string }) {
  const { serverId, id, size } = backup;
  const { busy, failure, run } = useAction();
  const { data } = useAnswer(
    () => neighbours(serverId, id),
    [serverId, id],
    () => changesOf(serverId),
  );
  const query: Record<string, string> = path === '' ? {} : { path };
  return (
    <div class="bs">
      {data?.older !== undefined && (
        <a class="b" href={to.browse(serverId, data.older.id, query)} title={stamp(data.older.createdAt)}>
          <Icon of={ChevronLeft} small />
          Older
        </a>
      )}
      {data?.newer !== undefined && (
        <a class="b" href={to.browse(serverId, data.newer.id, query)} title={stamp(data.newer.createdAt)}>
          Newer
          <Icon of={ChevronRight} small />
        </a>
      )}
      {may('backup.download') && (
        <button
          class="b"
          type="button"
          disabled={busy.value}
          onClick={() => void run(() => downloadBackup(serverId, id))}
        >
          <Icon of={Download} small />
          Whole archive, {bytes(size)}
        </button>
      )}
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
    </div>
  );
}

function Path({ server, backup, path, name }: Omit<Place, 'text'> & { readonly name: string }) {
  const parts = path === '' ? [] : path.split('/');
  return (
    <nav class="path" aria-label="Path">
      {parts.length === 0 ? (
        <span>
          <bdi>{name}</bdi>
        </span>
      ) : (
        <a href={to.browse(server, backup)}>
          <bdi>{name}</bdi>
        </a>
      )}
      {parts.map((part, at) => (
        <>
          <Icon of={ChevronRight} small />
          {at === parts.length - 1 ? (
            <span>
              <bdi>{part}</bdi>
            </span>
          ) : (
            <a href={to.browse(server, backup, { path: parts.slice(0, at + 1).join('/') })}>
              <bdi>{part}</bdi>
            </a>
          )}
        </>
      ))}
    </nav>
  );
}
