/**
 * What the page knows of the node: servers and jobs, each in a signal of its own, so that an event redraws one row. It is
 * read as a whole after signing in and after the connection came back; in between events say what has changed.
 */
import { batch, computed, signal, type Signal } from '@preact/signals';
import { answer, api } from '../api/client.ts';
import { failureOf, type ApiFailure } from '../api/failures.ts';
import type { Job, Server, System } from '../api/shapes.ts';
import { may, secret } from './session.ts';

export const servers = signal<readonly string[] | undefined>(undefined);
export const system = signal<System | undefined>(undefined);
export const loadFailure = signal<ApiFailure | undefined>(undefined);
/** When the overview was read, in ms. */
export const readAt = signal(0);

const rows = new Map<string, Signal<Server>>();
const jobs = new Map<string, Signal<Job>>();
/** Ids of jobs that are queued or run, oldest first. */
export const activeJobs = signal<readonly string[]>([]);
/** Grows when the connection came back: what happened meanwhile was not heard. */
export const returns = signal(0);
/** Grows when a backup of that server was made, changed or removed. */
const changes = new Map<string, Signal<number>>();

export function serverOf(id: string): Server | undefined {
  const row = rows.get(id);
  // One that is not known yet comes with the list.
  if (row === undefined) return void servers.value;
  return row.value;
}

export function jobOf(id: string): Job | undefined {
  return jobs.get(id)?.value;
}

/** The job of a server: one that runs before one that waits. */
const jobIdByServer = computed(() => {
  const found = new Map<string, string>();
  for (const id of activeJobs.value) {
    const job = jobs.get(id)?.peek();
    if (job === undefined) continue;
    const known = found.get(job.server);
    if (known === undefined || (job.state === 'running' && jobs.get(known)?.peek().state !== 'running')) {
      found.set(job.server, id);
    }
  }
  return found;
});

export function jobOfServer(server: string): Job | undefined {
  const id = jobIdByServer.value.get(server);
  return id === undefined ? undefined : jobOf(id);
}

export function changesOf(server: string): number {
  return counter(server).value;
}

function counter(server: string): Signal<number> {
  const known = changes.get(server) ?? signal(0);
  changes.set(server, known);
  return known;
}

/** Calls are answered in any order: what one asked before another tells does not replace what the other told. */
let calls = 0;
/** The call whose list of servers is shown. */
let listedBy = 0;
/** The calls whose answers the rows show, by their servers. */
const readBy = new Map<string, number>();

/** Reads all of it. */
export async function load(): Promise<void> {
  if (secret.value === undefined) return;
  const own = ++calls;
  try {
    const [found, node] = await Promise.all([
      may('backup.read') ? answer(api.GET('/api/servers', { params: { query: { with: 'overview' } } })) : [],
      may('node.read') ? answer(api.GET('/api/system', { params: { query: { with: 'usage' } } })) : undefined,
    ]);
    if (own < listedBy) return;
    batch(() => {
      takeServers(found, own);
      system.value = node;
      loadFailure.value = undefined;
      readAt.value = Date.now();
    });
  } catch (error) {
    if (own > listedBy) loadFailure.value = failureOf(error);
  }
}

function takeServers(found: readonly Server[], call: number): void {
  listedBy = call;
  for (const server of found) {
    if (call < (readBy.get(server.id) ?? 0)) continue;
    readBy.set(server.id, call);
    const known = rows.get(server.id);
    if (known === undefined) rows.set(server.id, signal(server));
    else if (JSON.stringify(known.peek()) !== JSON.stringify(server)) known.value = server;
  }
  const ids = found.map(({ id }) => id);
  const kept = new Set(ids);
  for (const id of rows.keys()) {
    if (kept.has(id)) continue;
    rows.delete(id);
    readBy.delete(id);
  }
  if (ids.join() !== servers.peek()?.join()) servers.value = ids;
}

let due = new Set<string>();
let reading: Promise<void> | undefined;
const REFRESH_MS = 150;
/** With more, one call for all is cheaper. */
const ONE_BY_ONE = 8;

/** A backup of that server was made, changed or removed: its row is read again, soon and once. Resolves when it was. */
export function touch(server: string): Promise<void> {
  counter(server).value++;
  due.add(server);
  reading ??= new Promise<void>((soon) => void setTimeout(soon, REFRESH_MS)).then(async () => {
    const asked = due;
    [due, reading] = [new Set(), undefined];
    await (asked.size > ONE_BY_ONE ? load() : Promise.all(Array.from(asked, (id) => reload(id))));
  });
  return reading;
}

async function reload(id: string): Promise<void> {
  const own = ++calls;
  try {
    const query = { with: 'overview' } as const;
    const found = await answer(api.GET('/api/servers/{server}', { params: { path: { server: id }, query } }));
    const row = rows.get(id);
    if (row === undefined) return await load();
    if (own < (readBy.get(id) ?? 0)) return;
    readBy.set(id, own);
    row.value = found;
  } catch {
    // The server or the node is gone; loading everything finds out which.
    await load();
  }
}

/** What happened while nothing was heard may concern any server: what views show of backups and of ended jobs is read again. */
export function touchAll(): void {
  batch(() => {
    returns.value++;
    for (const known of changes.values()) known.value++;
  });
}

export function takeSnapshot(active: readonly Job[]): void {
  batch(() => {
    jobs.clear();
    for (const job of active) jobs.set(job.id, signal(job));
    activeJobs.value = active.map(({ id }) => id);
  });
}

/** A job that was begun, or news of one. */
export function takeJob(id: string, news: Partial<Job> & Pick<Job, 'server' | 'kind'>): void {
  const known = jobs.get(id);
  if (known !== undefined) {
    const begins = known.peek().state !== 'running' && news.state === 'running';
    known.value = { ...known.peek(), ...news };
    // A running job is shown before a queued one of the same server, so make the rows choose again.
    if (begins) activeJobs.value = [...activeJobs.peek()];
    return;
  }
  const made: Job = { id, backup: '', state: 'running', phase: '', createdAt: new Date().toISOString(), ...news };
  jobs.set(id, signal(made));
  activeJobs.value = [...activeJobs.peek(), id];
}

/** Shows the bar of a job that is done at its end. */
export function fillJob(id: string): void {
  const known = jobs.get(id);
  const { progress } = known?.peek() ?? {};
  if (known === undefined || progress === undefined) return;
  const { bytesTotal: bytesDone, filesTotal: filesDone } = progress;
  known.value = { ...known.peek(), progress: { ...progress, bytesDone, filesDone, etaSeconds: 0 } };
}

export function endJob(id: string): void {
  if (!activeJobs.peek().includes(id)) return;
  activeJobs.value = activeJobs.peek().filter((each) => each !== id);
  jobs.delete(id);
}

export function clear(): void {
  // What was asked for until now is of another session.
  listedBy = ++calls;
  batch(() => {
    rows.clear();
    readBy.clear();
    jobs.clear();
    [servers.value, system.value, activeJobs.value, loadFailure.value] = [undefined, undefined, [], undefined];
  });
}
