/** One surface for every restore: left what is in the backup, right what will happen with what is ticked. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { backupOf } from '../../api/backups.ts';
import { directoryOf, type Directory } from '../../api/files.ts';
import { failureOf, type ApiFailure } from '../../api/failures.ts';
import { useAnswer } from '../../live/answers.ts';
import { route, to } from '../../live/router.ts';
import { may } from '../../live/session.ts';
import { serverOf } from '../../live/state.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { ChevronRight } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { stamp } from '../../words/format.ts';
import { Files } from './files.tsx';
import { Restore } from './restore.tsx';
import './browse.css';

export function Browse() {
  const { params, query } = route.value;
  const [server = '', backup = ''] = [params['server'], params['backup']];
  return <Surface key={`${server} ${backup}`} server={server} backup={backup} path={query.get('path') ?? ''} />;
}

interface Place {
  readonly server: string;
  readonly backup: string;
  /** Of a directory in the backup, without a slash at its end; '' for the root. */
  readonly path: string;
}

function Surface({ server, backup: id, path }: Place) {
  const backup = useAnswer(() => backupOf(server, id), [server, id]);
  const ticked = useSignal<ReadonlySet<string>>(new Set());
  const level = useLevel({ server, backup: id, path });
  const name = serverOf(server)?.name ?? server.slice(0, 8);
  if (backup.data === undefined) {
    if (backup.failure !== undefined) return <FailureNote failure={backup.failure} again={backup.again} />;
    return <GreyRows rows={8} />;
  }
  const { createdAt } = backup.data;
  return (
    <>
      <div>
        <nav class="crumb" aria-label="Where you are">
          <a class="link" href={to.overview()}>
            Overview
          </a>
          <Icon of={ChevronRight} small />
          <a class="link" href={to.server(server, id)}>
            <bdi>{name}</bdi>
          </a>
          <Icon of={ChevronRight} small />
          <span>{stamp(createdAt)}</span>
        </nav>
        <h1>Browse and restore</h1>
      </div>
      <div class={may('backup.restore') ? 'card browse' : 'card'}>
        <section aria-label="Files of the backup">
          <div class="spread head">
            <Path server={server} backup={id} path={path} name={name} />
          </div>
          {level.failure !== undefined && (
            <div class="pad">
              <FailureNote failure={level.failure} again={level.again} />
            </div>
          )}
          {level.entries === undefined ? (
            level.failure === undefined && <GreyRows rows={8} />
          ) : (
            <Files
              server={server}
              backup={id}
              path={path}
              entries={level.entries}
              ticked={ticked.value}
              onTick={(next) => (ticked.value = next)}
              onEnd={level.more}
            />
          )}
        </section>
        {may('backup.restore') && (
          <Restore
            server={server}
            name={name}
            backup={backup.data}
            ticked={ticked.value}
            onClear={() => (ticked.value = new Set())}
          />
        )}
      </div>
    </>
  );
}

function useLevel({ server, backup, path }: Place) {
  const pages = useSignal<readonly Directory[] | undefined>(undefined);
  const failure = useSignal<ApiFailure | undefined>(undefined);
  const asked = useSignal('');
  const key = `${server} ${backup} ${path}`;
  const read = (cursor?: string): void => {
    directoryOf(server, backup, path, cursor).then(
      (page) => {
        // The answer for a directory that was left meanwhile is not shown.
        if (asked.value === key) pages.value = cursor === undefined ? [page] : [...(pages.value ?? []), page];
      },
      (error: unknown) => (failure.value = failureOf(error)),
    );
  };
  useEffect(() => {
    [asked.value, pages.value, failure.value] = [key, undefined, undefined];
    read();
  }, [key]);
  const cursor = pages.value?.at(-1)?.cursor;
  const wanted = useRef<string>(undefined);
  const more = (): void => {
    if (cursor === undefined || wanted.current === `${key} ${cursor}`) return;
    wanted.current = `${key} ${cursor}`;
    read(cursor);
  };
  return {
    entries: pages.value?.flatMap(({ entries }) => entries),
    failure: failure.value,
    more,
    again: () => {
      failure.value = undefined;
      read();
    },
  };
}

function Path({ server, backup, path, name }: Place & { readonly name: string }) {
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
