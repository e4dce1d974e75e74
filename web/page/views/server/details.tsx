/** The chosen backup: what it is, what can be done with it, and what to know of it. */
import { useSignal } from '@preact/signals';
import { acceptBackup, backupOf, downloadBackup, lockBackup, verifyBackup } from '../../api/backups.ts';
import type { components } from '../../api/schema.d.ts';
import type { Backup, Server } from '../../api/shapes.ts';
import { useAction, useAnswer } from '../../live/answers.ts';
import { now } from '../../live/now.ts';
import { replace, to } from '../../live/router.ts';
import { may } from '../../live/session.ts';
import { changesOf, touch } from '../../live/state.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { Download, Folder, Lock, LockOpen, Undo2, X } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { ago, bytes, count, counted, duration, listed, moment, stamp } from '../../words/format.ts';
import { words } from '../../words/words.ts';
import { isGood } from './backups.tsx';
import { Changes } from './changes.tsx';
import { CompareWith, Delete, Rename } from './one-backup-dialogs.tsx';
import { Warnings } from './warnings.tsx';

type Rule = components['schemas']['Retention']['backups'][number];

export interface DetailsProps {
  readonly server: Server;
  readonly backup: string;
  readonly rule: Rule | undefined;
}

export function Details({ server, backup: id, rule }: DetailsProps) {
  const {
    data: backup,
    failure,
    again,
  } = useAnswer(
    () => backupOf(server.id, id),
    [id],
    () => changesOf(server.id),
  );
  const tab = useSignal<Tab>('summary');
  const other = useSignal<Backup | undefined>(undefined);
  if (backup === undefined) {
    return (
      <aside class="card side pad" aria-label="Backup">
        {failure === undefined ? <GreyRows rows={3} /> : <FailureNote failure={failure} again={again} />}
      </aside>
    );
  }
  return (
    <aside class="card side" aria-label={`Backup of ${stamp(backup.createdAt)}`}>
      <header>
        <h2>{stamp(backup.createdAt)}</h2>
        <Verdict backup={backup} />
        <span class="grow" />
        <button class="b q t" type="button" aria-label="Close" onClick={() => replace(to.server(server.id))}>
          <Icon of={X} small />
        </button>
      </header>
      <Actions
        backup={backup}
        server={server}
        onCompare={(chosen) => {
          other.value = chosen;
          tab.value = 'changes';
        }}
      />
      <Tabs
        tabs={tabsOf(backup)}
        chosen={tab.value}
        onChoose={(next) => {
          other.value = undefined;
          tab.value = next;
        }}
      />
      <div role="tabpanel" id="of-backup" aria-label={tab.value}>
        {tab.value === 'summary' && <Summary backup={backup} rule={rule} />}
        {tab.value === 'changes' && <Changes key={other.value?.id} backup={backup} other={other.value} />}
        {tab.value === 'warnings' && <Warnings backup={backup} />}
      </div>
    </aside>
  );
}

type Tab = 'summary' | 'changes' | 'warnings';

function tabsOf(backup: Backup): readonly (readonly [Tab, string])[] {
  const usable = backup.status === 'COMPLETED' || backup.status === 'RESTORING';
  return [
    ['summary', 'Summary'],
    ...(usable && may('backup.download') ? ([['changes', 'Changes']] as const) : []),
    ['warnings', `Warnings ${count(backup.warningCount)}`],
  ];
}

interface TabsProps {
  readonly tabs: ReturnType<typeof tabsOf>;
  readonly chosen: Tab;
  readonly onChoose: (tab: Tab) => void;
}

/** One of them is in the order of the Tab key; left and right go from one to the next. */
function Tabs({ tabs, chosen, onChoose }: TabsProps) {
  const move = (event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = (tabs.findIndex(([tab]) => tab === chosen) + step + tabs.length) % tabs.length;
    const next = tabs[at];
    if (next === undefined) return;
    onChoose(next[0]);
    event.currentTarget.querySelectorAll<HTMLElement>('[role="tab"]')[at]?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Of this backup" onKeyDown={move}>
      {tabs.map(([tab, text]) => (
        <button
          key={tab}
          type="button"
          role="tab"
          aria-controls="of-backup"
          aria-selected={chosen === tab}
          tabIndex={chosen === tab ? 0 : -1}
          onClick={() => onChoose(tab)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

function Verdict({ backup }: { readonly backup: Backup }) {
  if (backup.status === 'IN_PROGRESS') return <span class="pill run">being made</span>;
  if (backup.status === 'FAILED') return <span class="pill bad">failed</span>;
  if (backup.damagedAt !== undefined) return <span class="pill bad">damaged</span>;
  return isGood(backup) ? <span class="pill ok">good</span> : <span class="pill warn">suspect</span>;
}

interface ActionsProps {
  readonly backup: Backup;
  readonly server: Server;
  readonly onCompare: (other: Backup) => void;
}

function Actions({ backup, server, onCompare }: ActionsProps) {
  const dialog = useSignal<'delete' | 'rename' | 'compare' | undefined>(undefined);
  const { busy, failure, run } = useAction();
  const usable = backup.status === 'COMPLETED' || backup.status === 'RESTORING';
  const { id, serverId, isLocked } = backup;
  const close = (): void => void (dialog.value = undefined);
  return (
    <div class="pad">
      <div class="bs">
        {usable && may('backup.restore') && (
          <a class="b p t" href={to.browse(serverId, id)}>
            <Icon of={Undo2} small />
            Restore…
          </a>
        )}
        {usable && may('backup.download') && (
          <>
            <a class="b t" href={to.browse(serverId, id)}>
              <Icon of={Folder} small />
              Browse
            </a>
            <button
              class="b t"
              type="button"
              disabled={busy.value}
              onClick={() => void run(() => downloadBackup(serverId, id))}
            >
              <Icon of={Download} small />
              Download
            </button>
          </>
        )}
        {may('backup.delete') && (
          <button
            class="b t"
            type="button"
            aria-pressed={isLocked}
            aria-label={isLocked ? 'Unlock' : 'Lock'}
            title={isLocked ? 'Unlock' : 'Lock: neither deletion nor retention takes it'}
            disabled={busy.value}
            onClick={() => void run(() => lockBackup(backup, !isLocked))}
          >
            <Icon of={isLocked ? Lock : LockOpen} small />
          </button>
        )}
        <details class="more">
          <summary class="b t">More</summary>
          <div class="menu">
            {usable && may('backup.read') && (
              <button class="b t" type="button" onClick={() => void run(() => verifyBackup(backup))}>
                Verify
              </button>
            )}
            {usable && may('backup.download') && (
              <button class="b t" type="button" onClick={() => (dialog.value = 'compare')}>
                Compare with…
              </button>
            )}
            {may('backup.create') && (
              <button class="b t" type="button" onClick={() => (dialog.value = 'rename')}>
                Rename…
              </button>
            )}
            {may('backup.delete') && (
              <button class="b t" type="button" onClick={() => (dialog.value = 'delete')}>
                Delete…
              </button>
            )}
          </div>
        </details>
      </div>
      {backup.suspect !== undefined && backup.acceptedAt === undefined && (
        <div class="danger">
          <b>{backup.suspect.message}</b>
          {may('backup.delete') && (
            <span>
              <button
                class="b t"
                type="button"
                onClick={() => void run(() => acceptBackup(backup)).then(() => touch(server.id))}
              >
                Take it for a good one
              </button>
            </span>
          )}
        </div>
      )}
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
      {dialog.value === 'delete' && <Delete backup={backup} server={server} onClose={close} />}
      {dialog.value === 'rename' && <Rename backup={backup} onClose={close} />}
      {dialog.value === 'compare' && <CompareWith backup={backup} onChoose={onCompare} onClose={close} />}
    </div>
  );
}

function Summary({ backup, rule }: { readonly backup: Backup; readonly rule: Rule | undefined }) {
  const { size, rawSize, reusedBytes, files, seconds, checksum, store, copies = [], verifiedAt, error } = backup;
  return (
    <>
      {error !== undefined && (
        <div class="pad">
          <div class="danger">{error.message}</div>
        </div>
      )}
      <dl class="kv">
        <dt>Name</dt>
        <dd>
          <bdi>{backup.name}</bdi>
        </dd>
        {backup.origin !== undefined && (
          <>
            <dt>Made</dt>
            <dd>
              {words.origins[backup.origin.by]}
              {backup.origin.token === undefined ? '' : ` (${backup.origin.token})`}
              {seconds === undefined ? '' : `, in ${duration(seconds * 1000)}`}
            </dd>
          </>
        )}
        {size > 0 && (
          <>
            <dt>Size</dt>
            <dd>
              {bytes(size)} of {bytes(rawSize)} in {counted(files, 'file')}
            </dd>
            <dt>New</dt>
            <dd>
              {bytes(size - reusedBytes)}, {Math.round((100 * reusedBytes) / size)} % reused
            </dd>
          </>
        )}
        {checksum !== null && (
          <>
            <dt>sha256</dt>
            <dd class="mono">{checksum}</dd>
          </>
        )}
        <dt>Stores</dt>
        <dd>
          {store}
          {copies.map((copy) => (
            <span key={copy.store} class={copy.state === 'completed' ? '' : 'st warn'}>
              {' '}
              · {copy.store}
              {copy.damagedAt === undefined
                ? { completed: '', pending: ' waits', failed: ' failed' }[copy.state]
                : ' is damaged and is made anew'}
            </span>
          ))}
        </dd>
        {backup.status === 'COMPLETED' && (
          <>
            <dt>Verified</dt>
            <dd>{verifiedAt === undefined ? 'not since it was made' : ago(verifiedAt, now.value)}</dd>
          </>
        )}
        {rule !== undefined && (
          <>
            <dt>Retention</dt>
            <dd>
              {rule.keep
                ? `stays: ${listed(rule.reasons.map((reason) => words.keeps[reason] ?? reason))}`
                : 'goes after the next good backup'}
            </dd>
          </>
        )}
        {backup.ignoredFiles.length > 0 && (
          <>
            <dt>Left out</dt>
            <dd class="mono">{backup.ignoredFiles.slice(0, 20).join(', ')}</dd>
          </>
        )}
        {backup.completedAt !== null && (
          <>
            <dt>Complete</dt>
            <dd>{moment(backup.completedAt, now.value)}</dd>
          </>
        )}
      </dl>
    </>
  );
}
