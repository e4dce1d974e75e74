/** A name over all backups of a server: where it is, in which versions, and from which backup each can be had. */
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { downloadBackup } from '../../api/backups.ts';
import { failureOf, type ApiFailure } from '../../api/failures.ts';
import { datesOf, findVersions, type FoundPath, merged, type Version, type Versions } from '../../api/looks.ts';
import { useAction, useAnswer } from '../../live/answers.ts';
import { now } from '../../live/now.ts';
import { replace, route, to } from '../../live/router.ts';
import { may } from '../../live/session.ts';
import { serverOf } from '../../live/state.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { Download, File, Folder, RotateCcw, Search } from '../../parts/icons.ts';
import { Crumbs } from '../../parts/crumbs.tsx';
import { Icon } from '../../parts/icon.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { ago, bytes, count, counted, moment } from '../../words/format.ts';
import './find.css';

export function Find() {
  const { params, query } = route.value;
  const server = params['server'] ?? '';
  const text = query.get('q') ?? '';
  const typed = useSignal(text);
  const input = useRef<HTMLInputElement>(null);
  // Before the view is drawn: keys that are typed at once belong into the field, and stay there.
  useLayoutEffect(() => input.current?.focus(), []);
  useLayoutEffect(() => void (typed.value = text), [text]);
  const name = serverOf(server)?.name ?? server.slice(0, 8);
  return (
    <>
      <div>
        <Crumbs>
          <a class="link" href={to.server(server)}>
            <bdi>{name}</bdi>
          </a>
        </Crumbs>
        <h1>Find a file</h1>
      </div>
      <form
        class="row"
        role="search"
        aria-label="In the backups of this server"
        onSubmit={(event) => {
          event.preventDefault();
          replace(to.find(server, typed.value.trim().replaceAll('/', '')));
        }}
      >
        <label class="find by-name">
          <Icon of={Search} small />
          <input
            ref={input}
            type="search"
            aria-label="Name of the file"
            placeholder="level.dat, or *.yml"
            maxLength={255}
            value={typed.value}
            onInput={({ currentTarget }) => (typed.value = currentTarget.value)}
          />
        </label>
        <button class="b p" type="submit" disabled={typed.value.trim() === ''}>
          Find
        </button>
      </form>
      {text === '' ? (
        <p class="muted">
          A part of a name, in any case, finds it in every backup of this server. With <code>*</code> or <code>?</code>{' '}
          it is the whole name.
        </p>
      ) : (
        <Results key={`${server} ${text}`} server={server} text={text} />
      )}
    </>
  );
}

function Results({ server, text }: { readonly server: string; readonly text: string }) {
  const pages = useSignal<readonly Versions[]>([]);
  const failure = useSignal<ApiFailure | undefined>(undefined);
  const busy = useSignal(false);
  const more = async (): Promise<void> => {
    if (busy.value) return;
    [busy.value, failure.value] = [true, undefined];
    try {
      pages.value = [...pages.value, await findVersions(server, text, pages.value.at(-1)?.cursor)];
    } catch (error) {
      failure.value = failureOf(error);
    } finally {
      busy.value = false;
    }
  };
  useEffect(() => void more(), []);
  const found = useMemo(() => merged(pages.value), [pages.value]);
  const searched = pages.value.flatMap((page) => page.searched);
  const cut = pages.value.flatMap((page) => page.cut);
  const dates = useAnswer(() => datesOf(server, new Set(searched)), [server, searched.length]);
  const isEnd = pages.value.length > 0 && pages.value.at(-1)?.cursor === undefined;
  return (
    <section class="card" aria-label="Found">
      <header>
        <h2>{pages.value.length === 0 ? 'Looking…' : counted(found.length, 'path')}</h2>
        <span class="muted small" role="status">
          {pages.value.length > 0 &&
            `${isEnd ? 'in' : 'so far in the newest'} ${counted(searched.length, 'backup')} of this server`}
        </span>
      </header>
      {failure.value !== undefined && <FailureNote failure={failure.value} again={() => void more()} />}
      {pages.value.length === 0 && failure.value === undefined && <GreyRows />}
      {pages.value.length > 0 && found.length === 0 && (
        <p class="pad muted">Nothing has such a name there. What the ignore list leaves out is in no backup.</p>
      )}
      <VirtualList
        items={found}
        keyOf={({ path }) => path}
        estimate={90}
        label="Found paths"
        row={(item) => <Found server={server} found={item} dates={dates.data} />}
      />
      {cut.length > 0 && (
        <p class="pad small muted">
          {counted(cut.length, 'backup')} had more than 500 such names, which are not all here: say more of the name.
        </p>
      )}
      {!isEnd && pages.value.length > 0 && (
        <p class="pad">
          <button class="b" type="button" disabled={busy.value} onClick={() => void more()}>
            {busy.value ? 'Looking…' : 'Look into older backups'}
          </button>
        </p>
      )}
    </section>
  );
}

interface FoundProps {
  readonly server: string;
  readonly found: FoundPath;
  readonly dates: ReadonlyMap<string, string> | undefined;
}

function Found({ server, found: { path, versions }, dates }: FoundProps) {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const folder = path.slice(0, path.length - name.length);
  const isFolder = versions[0]?.kind === 'directory';
  return (
    <div class="found-path">
      <div class="row">
        <span class="muted">
          <Icon of={isFolder ? Folder : File} />
        </span>
        <span class="name" title={path}>
          {folder !== '' && (
            <span class="muted">
              <bdi>{folder}</bdi>
            </span>
          )}
          <b>
            <bdi>{name}</bdi>
          </b>
        </span>
        <span class="muted small">{isFolder ? '' : counted(versions.length, 'version')}</span>
      </div>
      {versions.map((version) => (
        <VersionLine
          key={`${version.kind} ${version.size} ${version.mtime}`}
          server={server}
          path={path}
          version={version}
          dates={dates}
        />
      ))}
    </div>
  );
}

interface VersionProps extends Omit<FoundProps, 'found'> {
  readonly path: string;
  readonly version: Version;
}

function VersionLine({ server, path, version, dates }: VersionProps) {
  const { kind, size, mtime, backups } = version;
  const { busy, failure, run } = useAction();
  const [newest = ''] = backups;
  const at = dates?.get(newest);
  const folder: Record<string, string> = path.includes('/') ? { path: path.slice(0, path.lastIndexOf('/')) } : {};
  const about = `${path} of ${moment(mtime * 1000, now.value)}`;
  return (
    <div class="version">
      <span class="num">{kind === 'directory' ? '' : bytes(size)}</span>
      <span class="small">{moment(mtime * 1000, now.value)}</span>
      <span class="small muted">
        {at === undefined ? '' : `in the backup made ${ago(at, now.value)}`}
        {backups.length > 1 ? ` and ${count(backups.length - 1)} older` : ''}
      </span>
      <span class="bs">
        {may('backup.restore') && (
          <a
            class="b t"
            data-row
            aria-label={`Restore ${about}`}
            href={to.browse(server, newest, { ...folder, pick: path, kind })}
          >
            <Icon of={RotateCcw} small />
            Restore…
          </a>
        )}
        {kind !== 'symlink' && (
          <button
            class="b t"
            type="button"
            aria-label={`Download ${about}`}
            disabled={busy.value}
            onClick={() => void run(() => downloadBackup(server, newest, [path]))}
          >
            <Icon of={Download} small />
          </button>
        )}
      </span>
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
    </div>
  );
}
