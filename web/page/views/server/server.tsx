/** One server: what is wrong, what can be undone, how it grew, its backups, and the one that is chosen. */
import { signal } from '@preact/signals';
import { historyOf, retentionOf } from '../../api/backups.ts';
import { answer, api } from '../../api/client.ts';
import type { Server } from '../../api/shapes.ts';
import { useAnswer } from '../../live/answers.ts';
import { now } from '../../live/now.ts';
import { replace, route, to } from '../../live/router.ts';
import { holdsAll, may } from '../../live/session.ts';
import { changesOf, jobOfServer, load, loadFailure, serverOf, servers, system } from '../../live/state.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { Link2, Plus, RotateCcw, Search, TriangleAlert, X } from '../../parts/icons.ts';
import { Crumbs } from '../../parts/crumbs.tsx';
import { Icon } from '../../parts/icon.tsx';
import { CancelButton, ProgressBar, progressText } from '../../parts/job-progress.tsx';
import { isHelpedByBackup, stateOf } from '../../parts/state.tsx';
import { ago, bytes, coarse, count, counted, moment } from '../../words/format.ts';
import { ruleText } from '../../words/rules.ts';
import { words } from '../../words/words.ts';
import { BackUpButton } from '../../parts/back-up-button.tsx';
import { BackUpNow } from './back-up-now.tsx';
import { Backups } from './backups.tsx';
import { Details } from './details.tsx';
import { Growth } from './growth.tsx';
import { Retention } from './retention.tsx';
import { Share } from './share.tsx';
import { UndoBanner } from './undo.tsx';
import './server.css';

const HISTORY_DAYS = 90;

const dialog = signal<'back-up' | 'retention' | 'share' | undefined>(undefined);

export function ServerView() {
  const { params, query } = route.value;
  const id = params['server'] ?? '';
  const server = serverOf(id);
  if (server === undefined) return <Missing />;
  return <Known key={id} server={server} chosen={query.get('backup') ?? server.overview?.newest?.id} />;
}

function Missing() {
  if (loadFailure.value !== undefined) return <FailureNote failure={loadFailure.value} again={() => void load()} />;
  if (servers.value === undefined) return <GreyRows rows={6} />;
  return (
    <div>
      <h1>There is no such server</h1>
      <p class="muted">
        It was given up, or it is not yours.{' '}
        <a class="link" href={to.overview()}>
          All servers
        </a>
      </p>
    </div>
  );
}

function Known({ server, chosen }: { readonly server: Server; readonly chosen: string | undefined }) {
  const { id } = server;
  const changes = changesOf(id);
  const history = useAnswer(
    () => historyOf(id, HISTORY_DAYS),
    [id],
    () => changesOf(id),
  );
  const retention = useAnswer(
    () => retentionOf(id),
    [id],
    () => changesOf(id),
  );
  const choose = (backup: string): void => replace(to.server(id, backup));
  const going = new Set((retention.data?.backups ?? []).filter(({ keep }) => !keep).map(({ backup }) => backup.id));
  const close = (): void => void (dialog.value = undefined);
  return (
    <>
      <Head server={server} />
      <ProblemCard server={server} onRetention={() => (dialog.value = 'retention')} />
      <UndoBanner server={server} />
      <JobCard server={server} />
      <Facts server={server} going={retention.data === undefined ? undefined : going.size} />
      <div class="two">
        <div class="column">
          {history.failure !== undefined && <FailureNote failure={history.failure} again={history.again} />}
          <Growth attempts={history.data?.attempts ?? []} chosen={chosen} onChoose={choose} />
          <Backups server={server} chosen={chosen} onChoose={choose} going={going} changes={changes} />
        </div>
        {chosen !== undefined && (
          <Details
            key={chosen}
            server={server}
            backup={chosen}
            rule={retention.data?.backups.find(({ backup }) => backup.id === chosen)}
          />
        )}
      </div>
      {dialog.value === 'back-up' && <BackUpNow server={server} onClose={close} />}
      {dialog.value === 'retention' && (
        <Retention server={server} found={retention.data?.backups ?? []} onClose={close} />
      )}
      {dialog.value === 'share' && <Share server={server} onClose={close} />}
    </>
  );
}

function Head({ server }: { readonly server: Server }) {
  const state = stateOf(server, jobOfServer(server.id));
  const newest = server.overview?.newest;
  const busy = jobOfServer(server.id) !== undefined;
  const mayMake = may('backup.create') && !server.suspended && server.state === undefined;
  return (
    <div class="spread">
      <div>
        <Crumbs>
          <span class="mono">{server.id}</span>
        </Crumbs>
        <div class="row title">
          <h1>
            <bdi>{server.name}</bdi>
          </h1>
          <span class={`pill ${state.tone}`}>
            <Icon of={state.icon} small />
            {state.text}
          </span>
        </div>
      </div>
      <div class="bs">
        {mayMake && (
          <button class="b p" type="button" disabled={busy} onClick={() => (dialog.value = 'back-up')}>
            <Icon of={Plus} small />
            Back up now…
          </button>
        )}
        {may('backup.restore') && newest !== undefined && (
          <a class="b" href={to.browse(server.id, newest.id)}>
            <Icon of={RotateCcw} small />
            Restore newest good…
          </a>
        )}
        {may('backup.download') && newest !== undefined && (
          <a class="b" href={to.find(server.id)}>
            <Icon of={Search} small />
            Find a file
          </a>
        )}
        {holdsAll() && may('node.manage') && (
          <button class="b" type="button" onClick={() => (dialog.value = 'share')}>
            <Icon of={Link2} small />
            Share…
          </button>
        )}
        {may('node.manage') && <Suspend server={server} />}
      </div>
    </div>
  );
}

function Suspend({ server }: { readonly server: Server }) {
  const set = async (): Promise<void> => {
    const body = { suspended: !server.suspended };
    await answer(api.PATCH('/api/servers/{server}', { params: { path: { server: server.id } }, body }));
    await load();
  };
  if (!server.suspended) return null;
  return (
    <button class="b" type="button" onClick={() => void set()}>
      End the suspension
    </button>
  );
}

function ProblemCard({ server, onRetention }: { readonly server: Server; readonly onRetention: () => void }) {
  const [worst] = server.overview?.problems ?? [];
  if (worst === undefined) return null;
  const bad = worst.code === 'failing' || worst.code === 'damaged';
  const full = server.overview?.lastFailure?.error?.code === 'insufficient_storage';
  return (
    <section class={`card ${bad ? 'wrong' : ''}`} aria-label="What is wrong">
      <div class="att">
        <span class={`st ${bad ? 'bad' : 'warn'}`}>
          <Icon of={bad ? X : TriangleAlert} />
        </span>
        <span class="what">{worst.message}</span>
        {worst.hint !== undefined && <span class="hint">{worst.hint}</span>}
        <span class="bs">
          {worst.code === 'failing' && full && (
            <button class="b" type="button" onClick={onRetention}>
              What would go…
            </button>
          )}
          {worst.backup === undefined || isHelpedByBackup(worst) ? (
            <BackUpButton server={server} look="b" text={worst.code === 'failing' ? 'Try again' : 'Back up now'} />
          ) : (
            <a class="b" href={to.server(server.id, worst.backup)}>
              Look at it
            </a>
          )}
        </span>
      </div>
    </section>
  );
}

function JobCard({ server }: { readonly server: Server }) {
  const job = jobOfServer(server.id);
  if (job === undefined) return null;
  return (
    <section class="card" aria-label="Running now">
      <div class="job">
        <span>
          <b>{words.running(job)}</b> <span class="muted small">{job.phase}</span>
        </span>
        <ProgressBar job={job} label={words.running(job)} />
        <span class="small muted">{progressText(job)}</span>
        <CancelButton key={job.id} job={job} />
      </div>
    </section>
  );
}

function Facts({ server, going }: { readonly server: Server; readonly going: number | undefined }) {
  const { overview, backups, bytes: used } = server;
  const newest = overview?.newest;
  const late = (overview?.lateSeconds ?? 0) > 0;
  const most = overview?.limits.backups.most ?? 0;
  const rules = system.value?.usage?.retention;
  return (
    <section class="card facts" aria-label="Facts">
      <div>
        <span class="k">Newest good backup</span>
        <span class={`v ${late ? 'minus' : ''}`}>
          {newest === undefined ? 'none' : ago(newest.createdAt, now.value)}
        </span>
        <span class="small muted">
          {newest === undefined ? '—' : `${bytes(newest.size)} · ${counted(newest.files, 'file')}`}
        </span>
      </div>
      <div>
        <span class="k">Next run</span>
        <span class="v">{overview?.next === undefined ? 'none' : moment(overview.next, now.value)}</span>
        <span class="small muted">
          {overview?.next === undefined
            ? 'no schedule'
            : `in ${coarse(Math.max(0, Date.parse(overview.next) - now.value))}`}
        </span>
      </div>
      <div>
        <span class="k">Kept</span>
        <span class="v">
          {count(overview?.limits.backups.used ?? backups)}
          {most > 0 ? ` of ${count(most)}` : ''}
        </span>
        <span class="small muted">
          {bytes(used)}
          {overview === undefined || overview.locked === 0 ? '' : ` · ${count(overview.locked)} locked`}
        </span>
      </div>
      <div>
        <span class="k">Retention</span>
        <span class="v">
          {going === undefined ? '…' : going === 0 ? 'nothing would go' : `${count(going)} would go`}
        </span>
        <span class="small muted">
          {rules === undefined ? '' : ruleText(rules)}{' '}
          {going !== undefined && going > 0 && (
            <button class="link" type="button" onClick={() => (dialog.value = 'retention')}>
              which?
            </button>
          )}
        </span>
      </div>
    </section>
  );
}
