/** What runs and waits, and what has ended, by day; older ones come as the list is scrolled. */
import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { answer, api } from '../../api/client.ts';
import type { Job } from '../../api/shapes.ts';
import { now } from '../../live/now.ts';
import { type ReadPage, useFilled, usePages } from '../../live/pages.ts';
import { to } from '../../live/router.ts';
import { activeJobs, returns, serverOf, servers } from '../../live/state.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { Check, X } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { JobLine } from '../../parts/job-line.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { bytes, counted, day, dayKey, duration, time } from '../../words/format.ts';
import { words } from '../../words/words.ts';
import './jobs.css';

const PAGE = 100;
const STATES = ['done', 'failed', 'cancelled'] as const;
const KINDS = ['backup', 'restore', 'verify', 'delete'] as const;

interface Filter {
  readonly state?: (typeof STATES)[number];
  readonly kind?: (typeof KINDS)[number];
  readonly server?: string;
}

/** Kept while the page is open, as a place in a list is. */
const filter = signal<Filter>({});

export function Jobs() {
  return (
    <>
      <h1>Jobs</h1>
      <section class="card" aria-label="Running and waiting">
        <header>
          <h2>Running and waiting</h2>
        </header>
        {activeJobs.value.length === 0 && <p class="pad muted">Nothing runs now.</p>}
        {activeJobs.value.map((id) => (
          <JobLine key={id} id={id} />
        ))}
      </section>
      <Ended />
    </>
  );
}

function Ended() {
  const { state, kind, server } = filter.value;
  const key = JSON.stringify(filter.value);
  const pages = usePages(key, endedPage(filter.value), `${returns.value} ${activeJobs.value.join()}`);
  const { items: jobs, failure, more, retry } = pages;
  // There may be none on a page whose jobs all still run or wait.
  useFilled(pages, jobs?.length ?? 0);
  const items = useMemo(() => jobs?.map((job, at) => ({ job, first: isFirst(job, jobs[at - 1]) })), [jobs]);
  const set = (change: { readonly [Key in keyof Filter]?: Filter[Key] | undefined }): void => {
    const next = Object.entries({ ...filter.value, ...change }).filter(([, value]) => value !== undefined);
    filter.value = Object.fromEntries(next);
  };
  return (
    <section class="card" aria-label="Ended">
      <header>
        <h2>Ended</h2>
        <span class="grow" />
        <div class="filters">
          <Choice
            label="Result"
            all="Every result"
            value={state}
            options={STATES.map((each) => [each, words.states[each]])}
            onChoose={(value) => set({ state: value })}
          />
          <Choice
            label="Kind"
            all="Every kind"
            value={kind}
            options={KINDS.map((each) => [each, words.kindsMany[each]])}
            onChoose={(value) => set({ kind: value })}
          />
          <Choice
            label="Server"
            all="Every server"
            value={server}
            options={(servers.value ?? []).map((id) => [id, serverOf(id)?.name ?? id.slice(0, 8)])}
            onChoose={(value) => set({ server: value })}
          />
        </div>
      </header>
      {failure !== undefined && <FailureNote failure={failure} again={retry} />}
      {items === undefined && failure === undefined && <GreyRows />}
      {items?.length === 0 && <p class="pad muted">None of that sort.</p>}
      {items !== undefined && items.length > 0 && (
        <VirtualList
          items={items}
          keyOf={({ job }) => job.id}
          estimate={52}
          label="Ended jobs"
          onEnd={more}
          row={({ job, first }) => (
            <>
              {first && <div class="day">{day(job.createdAt, now.value)}</div>}
              <Line job={job} />
            </>
          )}
        />
      )}
    </section>
  );
}

function isFirst(job: Job, before: Job | undefined): boolean {
  return before === undefined || dayKey(before.createdAt) !== dayKey(job.createdAt);
}

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly all: string;
  readonly value: Value | undefined;
  readonly options: readonly (readonly [Value, string])[];
  readonly onChoose: (value: Value | undefined) => void;
}

function Choice<Value extends string>({ label, all, value, options, onChoose }: ChoiceProps<Value>) {
  return (
    <select
      class="inp"
      aria-label={label}
      value={value ?? ''}
      onChange={({ currentTarget }) => onChoose(options.find(([each]) => each === currentTarget.value)?.[0])}
    >
      <option value="">{all}</option>
      {options.map(([each, text]) => (
        <option key={each} value={each}>
          {text}
        </option>
      ))}
    </select>
  );
}

function Line({ job }: { readonly job: Job }) {
  const { server, createdAt, state, error, startedAt, endedAt, caller, result } = job;
  const size = result?.['bytes'] ?? result?.['size'];
  const files = result?.['files'];
  const facts = [
    caller === undefined ? '' : words.origins[caller.by],
    typeof files === 'number' ? counted(files, 'file') : '',
    typeof size === 'number' ? bytes(size) : '',
  ].filter((fact) => fact !== '');
  return (
    <div class="job ended">
      <span>
        <span class="mono">{time(createdAt)}</span> {words.kindOf(job)}{' '}
        <a class="link" data-row href={to.server(server)}>
          <bdi>{serverOf(server)?.name ?? server.slice(0, 8)}</bdi>
        </a>
      </span>
      <span class="small">
        <span class={`st long ${state === 'done' ? 'ok' : state === 'failed' ? 'bad' : 'none'}`}>
          <Icon of={state === 'done' ? Check : X} small />
          {error?.message ?? words.states[state]}
        </span>
        {error?.hint !== undefined && <span class="muted"> {error.hint}</span>}
      </span>
      <span class="small muted">{facts.join(' · ')}</span>
      <span class="small muted num">
        {startedAt !== undefined && endedAt !== undefined ? duration(Date.parse(endedAt) - Date.parse(startedAt)) : ''}
      </span>
    </div>
  );
}

function endedPage(wanted: Filter): ReadPage<Job> {
  return async (before) => {
    const query = { ...wanted, limit: PAGE, ...(before === undefined ? {} : { before }) };
    const { jobs } = await answer(api.GET('/api/jobs', { params: { query } }));
    const items = jobs.filter(({ state }) => state !== 'queued' && state !== 'running');
    return { items, cursor: jobs.length < PAGE ? undefined : jobs.at(-1)?.id };
  };
}
