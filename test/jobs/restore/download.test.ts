/** Restores from a link: how the archive comes into the spool, and what is left of it and of the link. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/log/log.ts';
import { type JobId, newJobId } from '../../../src/base/ids.ts';
import type { JobRecord } from '../../../src/catalogue/records.ts';
import { RestoreDownloads, fetchArchive, sweepSpool } from '../../../src/jobs/restore/download.ts';
import { Service } from '../../../src/jobs/service.ts';
import type { Verb } from '../../../src/jobs/runner/verb.ts';
import { downloadOf, gzipBytes, openLinkHost, serve } from '../../support/link-host.ts';
import { backUp, backupId, gate, outcome, SERVER, serverId, testNode, type TestNode } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';
import { openRestoreNode } from '../../support/restore-node.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { StillClock } from '../../support/still-clock.ts';

const CONTENT = gzipBytes(200_000);
const BACKUP = backupId(7);

const LIMITS = { perServer: 0, maxSize: 0, serverBytes: 0, servers: {}, reserveFree: 0 };

async function spoolOf(limits: Partial<typeof LIMITS & { servers: object }> = {}) {
  const stateDirectory = await scratchDirectory();
  const config = { stateDirectory, limits: { ...LIMITS, ...limits } };
  const download = downloadOf({ allowlist: ['127.0.0.1'] });
  const downloads = new RestoreDownloads({ download, config, clock: new StillClock(), log: silentLog() });
  const job = jobOf();
  const told: (readonly [number, number])[] = [];
  const watch = { progress: (done: number, total: number) => void told.push([done, total]), writeRate: () => 0 };
  const fetch = (signal = new AbortController().signal) => downloads.fetch(job, signal, watch);
  const files = (): string[] =>
    existsSync(join(stateDirectory, 'spool')) ? readdirSync(join(stateDirectory, 'spool')) : [];
  return { stateDirectory, downloads, job, told, fetch, files };
}

const neverEnding = () => ({ ended: new Promise<never>(() => undefined) });

function jobOf(): JobRecord<'restore'> {
  return {
    id: newJobId(),
    kind: 'restore',
    server: SERVER,
    backup: BACKUP,
    state: 'running',
    phase: 'fetching',
    request: { truncate: false, download: true },
    error: null,
    createdAt: 0,
    startedAt: 0,
    endedAt: null,
  };
}

describe('an archive that is fetched for a restore', () => {
  it('lies in the spool, for Roost alone to read, until it is closed', async () => {
    const host = await openLinkHost((request, response) => serve(response, request, CONTENT));
    const { downloads, job, fetch, files, stateDirectory, told } = await spoolOf();
    downloads.withLink(job.id, `http://127.0.0.1:${host.port}/x`, neverEnding);
    const archive = await fetch();
    expect(archive).toMatchObject({ expected: null, ignore: [] });
    expect(archive.source.archive.size).toBe(CONTENT.byteLength);
    expect(Buffer.from(await archive.source.archive.read(0, CONTENT.byteLength)).equals(CONTENT)).toBe(true);
    const [name = ''] = files();
    const path = join(stateDirectory, 'spool', name);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(stateDirectory, 'spool')).mode & 0o777).toBe(0o700);
    expect(told.at(-1)).toEqual([CONTENT.byteLength, CONTENT.byteLength]);
    await archive.close();
    expect(files()).toEqual([]);
  });

  it('is no longer than the object that was there in the end', async () => {
    const other = gzipBytes(50_000);
    const host = await openLinkHost((request, response) => {
      if (host.seen.length === 1) serve(response, request, CONTENT, { cutAfter: 150_000 });
      else serve(response, request, other, { etag: '"two"' });
    });
    const { downloads, job, fetch, files, stateDirectory } = await spoolOf();
    downloads.withLink(job.id, `http://127.0.0.1:${host.port}/x`, neverEnding);
    const archive = await fetch();
    expect(readFileSync(join(stateDirectory, 'spool', files()[0] ?? '')).equals(other)).toBe(true);
    await archive.close();
  });

  it.each([
    ['of a link that is gone', {}, 404, 'store_unreachable'],
    ['larger than its server may have', { servers: { [SERVER]: { maxSize: 100_000 } } }, 200, 'too_large'],
    ['larger than any may be', { maxSize: 100_000 }, 200, 'too_large'],
    ['that would take what is to stay free', { reserveFree: Number.MAX_SAFE_INTEGER }, 200, 'insufficient_storage'],
  ] as const)('%s leaves nothing', async (_, limits, status, code) => {
    const host = await openLinkHost((request, response) => {
      if (status === 200) serve(response, request, CONTENT);
      else response.writeHead(status).end();
    });
    const { downloads, job, fetch, files } = await spoolOf(limits);
    downloads.withLink(job.id, `http://127.0.0.1:${host.port}/x`, neverEnding);
    await failureOf(fetch(), code);
    expect(files()).toEqual([]);
  });

  it('leaves nothing when it is cancelled half-way', async () => {
    const stop = new AbortController();
    const host = await openLinkHost((_, response) => {
      response.writeHead(200, { 'Content-Length': CONTENT.byteLength });
      response.write(CONTENT.subarray(0, 100_000), () => stop.abort());
    });
    const { downloads, job, fetch, files } = await spoolOf();
    downloads.withLink(job.id, `http://127.0.0.1:${host.port}/x`, neverEnding);
    await failureOf(fetch(stop.signal), 'cancelled');
    expect(files()).toEqual([]);
  });

  it('cannot be fetched by a run that does not know the link', async () => {
    const { fetch } = await spoolOf();
    expect((await failureOf(fetch(), 'interrupted')).retry).toBe(true);
  });

  it.each<[string, () => { ended: Promise<unknown> }]>([
    ['ended well', () => ({ ended: Promise.resolve() })],
    ['failed', () => ({ ended: Promise.reject(new Error('failed')) })],
    [
      'was refused',
      () => {
        throw new Error('refused');
      },
    ],
  ])('cannot be fetched any more once its job %s', async (_, submit) => {
    const { downloads, job, fetch } = await spoolOf();
    const link = 'http://127.0.0.1:9/x';
    try {
      await downloads.withLink(job.id, link, submit).ended;
    } catch {
      // That it ends badly is what is tried.
    }
    await failureOf(fetch(), 'interrupted');
  });

  it('is swept from the spool by the next start', async () => {
    const stateDirectory = await scratchDirectory();
    await sweepSpool({ stateDirectory }, silentLog());
    await mkdir(join(stateDirectory, 'spool'));
    await writeFile(join(stateDirectory, 'spool', 'half.tar.gz'), CONTENT);
    await sweepSpool({ stateDirectory }, silentLog());
    expect(readdirSync(join(stateDirectory, 'spool'))).toEqual([]);
  });
});

const LINK = 'https://backups.example/b.tar.gz?X-Amz-Signature=0123456789abcdef';

/** A node whose restores only tell where their archive came from. */
async function nodeWithLinks(fetched: (link: string) => Promise<void> = async () => undefined) {
  const stateDirectory = await scratchDirectory();
  const sources: string[] = [];
  const links: string[] = [];
  const download = {
    check: (link: string) => downloadOf({ resolve: async () => [{ address: '8.8.8.8', family: 4 }] }).check(link),
    fetch: async (link: string) => {
      links.push(link);
      await fetched(link);
      return 0;
    },
  };
  const config = { stateDirectory, limits: LIMITS };
  const downloads = new RestoreDownloads({ download, config, clock: new StillClock(), log: silentLog() });
  const nothing = {
    source: { archive: { size: 0, read: async () => new Uint8Array(), close: async () => undefined } },
  };
  const facts = { expected: null, rawSize: 0, files: 0, entries: 0, ignore: [], close: async () => undefined };
  const fetch = fetchArchive(
    async () => {
      sources.push('store');
      return { ...nothing, ...facts };
    },
    downloads,
    undefined,
  );
  const restore: Verb<'restore'> = {
    kind: 'restore',
    events: { started: 'restore.started', progress: 'restore.progress' },
    run: async (job) => {
      const archive = await fetch(job.record, job.signal, { progress: () => undefined, writeRate: () => 0 });
      await archive.close();
      const { server, backup, id } = job.record;
      job.commit(() => [{ type: 'restore.completed', server, backup, job: id, data: {} }], {
        warnings: [],
        warningCount: 0,
      });
    },
    failed: () => [],
  };
  const node = await testNode({ restore });
  const parts = { version: '0.0.0', engine: 'zlib' as const };
  const service = new Service({ ...node, ...parts, downloads });
  return { ...node, service, downloads, sources, links };
}

function rows({ catalogue, told }: Pick<TestNode, 'catalogue' | 'told'>): string {
  return JSON.stringify([catalogue.jobs.list(), told]);
}

describe('a restore from a link', () => {
  it('is of a backup that the node does not know, and tells the link to nobody', async () => {
    const node = await nodeWithLinks();
    const { service, links } = node;
    const request = { server: SERVER, backup: BACKUP, truncate: true, download: { url: LINK } };
    const accepted = await service.restore(request);
    expect(accepted.backup).toMatchObject({ id: BACKUP, server: SERVER, status: 'RESTORING', store: 'panel', size: 0 });
    expect(await accepted.ended).toMatchObject({ id: BACKUP, status: 'COMPLETED' });
    expect(links).toEqual([LINK]);
    expect(node.catalogue.jobs.get(accepted.job).request).toEqual({ truncate: true, download: true });
    expect(rows(node) + JSON.stringify(service.jobs())).not.toContain('backups.example');
    expect(node.catalogue.backups.find(BACKUP)).toBeUndefined();
  });

  it('forgets the link when it has ended, and when it was not accepted', async () => {
    const node = await nodeWithLinks();
    const submitted: JobId[] = [];
    const withLink = node.downloads.withLink.bind(node.downloads);
    node.downloads.withLink = (job, link, submit) => {
      submitted.push(job);
      return withLink(job, link, submit);
    };
    const request = { server: SERVER, backup: BACKUP, truncate: false, download: { url: LINK } };
    await (
      await node.service.restore(request)
    ).ended;
    expect(node.links).toEqual([LINK]);
    await node.runner.drain(AbortSignal.abort());
    await failureOf(node.service.restore(request), 'draining');
    expect(submitted).toHaveLength(2);
    const watch = { progress: () => undefined, writeRate: () => 0 };
    for (const id of submitted) {
      const fetched = node.downloads.fetch({ ...jobOf(), id }, new AbortController().signal, watch);
      await failureOf(fetched, 'interrupted');
    }
  });

  it('is made from the node’s own archive where there is a good one', async () => {
    const { service, sources, links, catalogue } = await nodeWithLinks();
    const backup = await backUp({ service });
    const request = { server: SERVER, backup, truncate: false, download: { url: 'not even a link' } };
    expect(await outcome(await service.restore(request))).toBe('done');
    expect([sources, links]).toEqual([['store'], []]);
    catalogue.backups.markDamaged(backup);
    expect(await outcome(await service.restore({ ...request, download: { url: LINK } }))).toBe('done');
    expect([sources, links]).toEqual([['store'], [LINK]]);
  });

  it('is no way around whose backup it is', async () => {
    const { service, links } = await nodeWithLinks();
    const backup = await backUp({ service }, serverId(2));
    const request = { server: SERVER, backup, truncate: false, download: { url: LINK } };
    await failureOf(service.restore(request), 'backup_not_found');
    expect(links).toEqual([]);
  });

  it.each([
    ['file:///etc/passwd', 'The provided backup link must use HTTP or HTTPS.'],
    ['http://169.254.169.254/', 'The provided backup link resolves to a blocked address.'],
    ['backup.tar.gz', 'The provided backup link is not a valid URL.'],
  ])('is refused at once for %s, without a job', async (url, sentence) => {
    const { service, catalogue } = await nodeWithLinks();
    const request = { server: SERVER, backup: BACKUP, truncate: false, download: { url } };
    expect((await failureOf(service.restore(request), 'invalid_request')).message).toBe(sentence);
    expect(catalogue.jobs.list()).toEqual([]);
  });

  it('is refused by a node without a panel, and with a previous tree that nobody could ask for', async () => {
    const { service } = await testNode();
    const request = { server: SERVER, backup: BACKUP, truncate: false, download: { url: LINK } };
    await failureOf(service.restore(request), 'invalid_request');
    const node = await nodeWithLinks();
    await failureOf(node.service.restore({ ...request, keepPreviousHours: 1 }), 'invalid_request');
  });

  it('waits its turn, like any other, and can be cancelled', async () => {
    const { reached, open, pass } = gate();
    const node = await nodeWithLinks(pass);
    const { service } = node;
    const request = { server: SERVER, backup: BACKUP, truncate: false, download: { url: LINK } };
    const first = await service.restore(request);
    await reached;
    await failureOf(service.restore(request), 'server_busy');
    const second = await service.restore({ ...request, backup: backupId(8), whenBusy: 'queue' });
    await service.cancel(SERVER, backupId(8));
    expect(await outcome(second)).toBe('cancelled');
    await failureOf(service.cancel(SERVER, backupId(8)), 'backup_not_found');
    open();
    expect(await outcome(first)).toBe('done');
  });
});

it('a restore that was still fetching when the daemon ended is over, and the panel is owed a report', async () => {
  const root = await scratchDirectory();
  const { reached, pass } = gate();
  const killed = openRestoreNode({ root });
  killed.fetch = async () => {
    await pass();
    throw new Error('the process is gone by now');
  };
  const { record } = killed.submit({ truncate: true, download: true, report: true });
  await reached;
  // As a kill leaves it: nothing of the first one ends the job.
  const next = openRestoreNode({ root });
  await next.recover();
  expect(next.catalogue.jobs.get(record.id)).toMatchObject({ state: 'failed', error: { code: 'interrupted' } });
  expect(next.catalogue.deliveries.list()).toMatchObject([{ job: record.id, kind: 'restore', successful: false }]);
  next.close();
  killed.close();
});
