import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { BackupId, ServerId } from '../../../../src/base/ids.ts';
import type { BackupReport, DeliveryVerdict } from '../../../../src/jobs/report/panel.ts';
import { FLAVOURS, type WingsFlavour } from '../../../../src/protocols/wings/flavours/flavours.ts';
import { PanelClient } from '../../../../src/protocols/wings/panel/client.ts';
import { openPanel, type Outage, type Panel } from '../../../support/panel/panel.ts';
import { memoryUploads, type PanelUploads } from '../../../support/panel/uploads.ts';
import { failureOf } from '../../../support/rejection.ts';
import { StillClock } from '../../../support/still-clock.ts';
import { ALL_FLAVOURS } from '../../../support/wings-app.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const BACKUP = '22222222-2222-4222-8222-222222222222' as BackupId;
const SHA256 = 'ab'.repeat(32);
const NEVER = new AbortController().signal;

interface Address {
  readonly url: string;
  readonly node: { readonly tokenId: string; readonly token: string };
}

function clientOf(flavour: WingsFlavour, { url, node }: Address, clock: StillClock, timeoutMs = 20_000): PanelClient {
  const facts = FLAVOURS[flavour];
  return new PanelClient({ facts, credentials: node, panelUrl: url, version: '1.2.3', fetch, clock, timeoutMs });
}

async function open(flavour: WingsFlavour = 'pterodactyl', commitAfter = 0, uploads?: PanelUploads) {
  const clock = new StillClock();
  const panel = await openPanel({ flavour, clock, commitAfter, ...(uploads === undefined ? {} : { uploads }) });
  const server = panel.addServer(SERVER);
  const client = clientOf(flavour, panel, clock);
  const done = { backup: BACKUP, server: SERVER, successful: true, sha256: SHA256, size: 1000, files: 3, parts: null };
  const report: BackupReport = { ...done, askedAt: clock.now() };
  const failed: BackupReport = { ...report, successful: false, sha256: null, size: 0, files: 0 };
  return { clock, panel, server, client, report, failed };
}

function told({ calls }: Panel): unknown {
  return calls.at(-1)?.body;
}

/** `delivered`, `retry` or `refused`, and what it says. */
async function verdict(verdict: Promise<DeliveryVerdict>): Promise<readonly [string, string]> {
  const found = await verdict;
  return [found.kind, found.kind === 'delivered' ? '' : found.failure.message];
}

/** A server that answers as a test wants, once it was asked. */
async function scripted(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Address> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, node: { tokenId: 'id', token: 'secret-of-the-node' } };
}

describe.each(ALL_FLAVOURS)('reporting to %s', (flavour) => {
  test('a backup that was successful has its sha256, and counts', async () => {
    const { panel, server, client, report } = await open(flavour);
    panel.rows.addBackup({ uuid: BACKUP, server });
    expect(await client.reportBackup(report, NEVER)).toEqual({ kind: 'delivered' });
    expect(panel.rows.backups.get(BACKUP)).toMatchObject({
      successful: true,
      checksum: `sha256:${SHA256}`,
      bytes: 1000,
    });
    const common = { checksum: SHA256, checksum_type: 'sha256', size: 1000, successful: true };
    const more = { files: 3, browsable: false, streaming: false, parts: [] };
    expect(told(panel)).toEqual(flavour === 'calagopus' ? { ...common, ...more } : { ...common, parts: null });
  });

  test('a backup that failed counts as failed', async () => {
    const { panel, server, client, failed, clock } = await open(flavour);
    panel.rows.addBackup({ uuid: BACKUP, server });
    expect(await client.reportBackup(failed, NEVER)).toEqual({ kind: 'delivered' });
    expect(panel.rows.backups.get(BACKUP)).toMatchObject({ successful: false, completedAt: clock.now() });
    expect(told(panel)).toMatchObject({ checksum: '', checksum_type: '', size: 0, successful: false });
  });

  test('the parts of an upload go with their ETags as they are', async () => {
    const { panel, server, client, report } = await open(flavour);
    panel.rows.addBackup({ uuid: BACKUP, server });
    const parts = [{ partNumber: 1, etag: '"abc"' }];
    expect((await client.reportBackup({ ...report, parts }, NEVER)).kind).toBe('delivered');
    expect(told(panel)).toMatchObject({ parts: [{ etag: '"abc"', part_number: 1 }] });
  });

  test('a restore ends the state that the panel waits in', async () => {
    const { panel, server, client, report, clock } = await open(flavour);
    panel.rows.addBackup({ uuid: BACKUP, server, successful: true });
    server.status = 'restoring_backup';
    const restore = { backup: BACKUP, server: SERVER, successful: true, askedAt: report.askedAt };
    expect(await client.reportRestore(restore, NEVER)).toEqual({ kind: 'delivered' });
    expect(server.status).toBeNull();
    const body = { successful: true };
    expect(told(panel)).toEqual(flavour === 'calagopus' ? { ...body, server_uuid: SERVER } : body);
    clock.advance(3_600_000);
    expect((await client.reportRestore(restore, NEVER)).kind).toBe('delivered');
  });

  test('each request says who asks, in the words of the daemon that the panel knows', async () => {
    const { panel, server, client, report } = await open(flavour);
    panel.rows.addBackup({ uuid: BACKUP, server });
    await client.reportBackup(report, NEVER);
    const { tokenId, token } = panel.node;
    const product = {
      pterodactyl: 'Pterodactyl Wings',
      pelican: 'Pelican Wings',
      calagopus: 'calagopus wings',
    }[flavour];
    expect(panel.calls[0]?.headers).toMatchObject({
      authorization: `Bearer ${tokenId}.${token}`,
      accept: flavour === 'pelican' ? 'application/json' : 'application/vnd.pterodactyl.v1+json',
      'content-type': 'application/json',
      'user-agent': `${product}/v1.2.3 (id:${tokenId})`,
    });
  });

  test('a panel that has not committed yet is asked again; one that never heard of it, is not', async () => {
    const { panel, server, client, report, clock } = await open(flavour, 1000);
    panel.rows.begin().write(() => void panel.rows.addBackup({ uuid: BACKUP, server }));
    const [kind, message] = await verdict(client.reportBackup(report, NEVER));
    expect([kind, message]).toEqual(['retry', expect.stringContaining('the panel answered 404')]);
    clock.advance(1000);
    expect((await client.reportBackup(report, NEVER)).kind).toBe('delivered');
    clock.advance(300_000);
    const unknown = { ...report, backup: '33333333-3333-4333-8333-333333333333' as BackupId };
    expect(await client.reportBackup(unknown, NEVER)).toMatchObject({
      kind: 'refused',
      failure: { code: 'backup_not_found', retry: false },
    });
  });

  test('a second report of a backup that is complete is taken as delivered', async () => {
    const { panel, server, client, report } = await open(flavour);
    panel.rows.addBackup({ uuid: BACKUP, server, successful: true, checksum: `sha256:${SHA256}` });
    expect((await client.reportBackup(report, NEVER)).kind).toBe('delivered');
    expect(panel.rows.backups.get(BACKUP)?.checksum).toBe(`sha256:${SHA256}`);
  });

  test('credentials that do not fit are tried again: they may be on their way', async () => {
    const { panel, server, report, clock } = await open(flavour);
    panel.rows.addBackup({ uuid: BACKUP, server });
    const node = { tokenId: panel.node.tokenId, token: 'another-token' };
    const wrong = clientOf(flavour, { url: panel.url, node }, clock);
    expect(await wrong.reportBackup(report, NEVER)).toMatchObject({
      kind: 'retry',
      failure: { hint: expect.stringContaining('panel.token') },
    });
  });

  test('all servers are read, page after page', async () => {
    const { panel, client } = await open(flavour);
    for (let number = 0; number < 120; number++) {
      panel.addServer(`00000000-0000-4000-8000-${String(number).padStart(12, '0')}`, { suspended: number === 119 });
    }
    const found = [];
    for await (const server of client.servers(NEVER)) found.push(server);
    expect(found).toHaveLength(121);
    expect(found.filter(({ settings }) => settings['suspended'] === true).map(({ id }) => id)).toEqual([
      '00000000-0000-4000-8000-000000000119',
    ]);
    expect(panel.calls.map(({ query }) => [query.get('page'), query.get('per_page')])).toEqual([
      ['1', '50'],
      ['2', '50'],
      ['3', '50'],
    ]);
  });

  test('one server’s settings are read, and it is reported as installed', async () => {
    const { panel, server, client } = await open(flavour);
    server.status = 'installing';
    expect(await client.settings(SERVER, NEVER)).toMatchObject({ uuid: SERVER, suspended: false });
    await client.reportInstalled(SERVER, NEVER);
    expect([server.status, told(panel)]).toEqual([null, { successful: true, reinstall: false }]);
    await failureOf(client.settings(BACKUP as unknown as ServerId, NEVER), 'server_not_found');
  });

  test.each([
    [{ process_configuration: { startup: { done: 'Done' } } }, ['Done']],
    [{ process_configuration: { startup: { done: ['Done', 'Started'] } } }, ['Done', 'Started']],
    [{ process_configuration: { startup: { done: null } } }, []],
    [{ process_configuration: { startup: {} } }, []],
    [{ process_configuration: {} }, undefined],
    [{}, undefined],
  ])('says how it starts; an answer without that is none: %j', async (more, done) => {
    const answer = JSON.stringify({ settings: { invocation: './start' }, ...more });
    const address = await scripted((_, response) => response.end(answer));
    const asked = clientOf(flavour, address, new StillClock()).startup(SERVER, NEVER);
    if (done === undefined) await failureOf(asked, 'store_unreachable');
    else expect(await asked).toEqual({ done, invocation: './start' });
  });

  test('servers that the panel believes to be restoring are reset when that is asked for', async () => {
    const { server, client } = await open(flavour);
    server.status = 'restoring_backup';
    await client.resetServers(NEVER);
    expect(server.status).not.toBe('restoring_backup');
  });

  test('part URLs are asked for with the size', async () => {
    const { panel, server, client } = await open(flavour, 0, await memoryUploads());
    panel.rows.addBackup({ uuid: BACKUP, server, disk: 's3' });
    panel.partSize = 400;
    const { parts, partSize, more, sideBySide } = await client.partUrls(BACKUP, 1000, NEVER);
    if (flavour === 'calagopus') {
      // P …/s3/parts.rs: at most 50, from a part number on, of one upload; 9,999 parts in all.
      expect([parts.length, partSize, panel.calls[0]?.query.get('from_part')]).toEqual([50, 400, '1']);
      expect(await more?.(2, NEVER)).toEqual([...parts.slice(1), expect.stringContaining('partNumber=51')]);
      expect(await more?.(9999, NEVER)).toHaveLength(1);
      await failureOf(Promise.resolve(more?.(10_000, NEVER)), 'store_unreachable');
      return;
    }
    expect([parts.length, partSize, panel.calls[0]?.query.get('size')]).toEqual([3, 400, '1000']);
    expect([more, sideBySide]).toEqual([undefined, flavour === 'pelican' ? 10 : undefined]);
  });
});

describe('an upload to Calagopus', () => {
  const about = (parts: number) => ({
    backup: BACKUP,
    parts,
    sendLastAgain: () => Promise.reject(new Error('a number is free')),
  });

  async function uploaded() {
    const uploads = await memoryUploads();
    const opened = await open('calagopus', 0, uploads);
    const row = opened.panel.rows.addBackup({ uuid: BACKUP, server: opened.server, disk: 's3' });
    return { ...opened, uploads, row };
  }

  test('is open until it is completed; then one byte behind it is refused', async () => {
    const { client, uploads, row, report } = await uploaded();
    const { parts } = await client.partUrls(BACKUP, 7, NEVER);
    const { headers } = await fetch(parts[0] ?? '', { method: 'PUT', body: 'archive' });
    expect(await client.uploadState(about(1), NEVER)).toBe('open');
    const sent = [{ partNumber: 1, etag: headers.get('etag') ?? '' }];
    expect((await client.reportBackup({ ...report, parts: sent }, NEVER)).kind).toBe('delivered');
    expect([row.successful, [...uploads.objects.values()].map(String)]).toEqual([true, ['archive']]);
    expect(await client.uploadState(about(1), NEVER)).toBe('closed');
  });

  test('of 9,999 parts has no number free, so its last part is sent again', async () => {
    const { client, uploads } = await uploaded();
    for (const state of ['open', 'closed'] as const) {
      const asked: string[] = [];
      const sendLastAgain = async (url: string) => (asked.push(url), state);
      expect(await client.uploadState({ ...about(9999), sendLastAgain }, NEVER)).toBe(state);
      expect(asked).toEqual([expect.stringContaining('partNumber=9999&')]);
    }
    expect(uploads.requests).toEqual([]);
  });

  test('that failed before its first part is begun, so that the panel can abort it', async () => {
    const { client, panel, uploads, row, report } = await uploaded();
    const failed = { ...report, successful: false, sha256: null, size: 0, files: 0, parts: null };
    expect((await client.reportBackup(failed, NEVER)).kind).toBe('delivered');
    expect([row.successful, row.completedAt !== null, uploads.open.size]).toEqual([false, true, 0]);
    expect(panel.calls.map(({ method, status }) => [method, status])).toEqual([
      ['POST', 417],
      ['GET', 200],
      ['POST', 200],
    ]);
  });

  test('and of which the archive is not here any more, is not told to be browsable; what stays here is', async () => {
    const { panel, uploads, report, clock } = await uploaded();
    const deps = {
      facts: FLAVOURS.calagopus,
      credentials: panel.node,
      panelUrl: panel.url,
      version: '1.2.3',
      fetch,
      clock,
    };
    const client = new PanelClient({ ...deps, browsable: true });
    const { parts } = await client.partUrls(BACKUP, 7, NEVER);
    const { headers } = await fetch(parts[0] ?? '', { method: 'PUT', body: 'archive' });
    const sent = [{ partNumber: 1, etag: headers.get('etag') ?? '' }];
    await client.reportBackup({ ...report, parts: sent }, NEVER);
    expect(uploads.objects.size).toBe(1);
    expect(panel.calls.at(-1)?.body).toMatchObject({ browsable: false });
    await client.reportBackup({ ...report, parts: null }, NEVER);
    expect(panel.calls.at(-1)?.body).toMatchObject({ browsable: true });
    await client.reportBackup({ ...report, successful: false, sha256: null, parts: null }, NEVER);
    expect(panel.calls.at(-1)?.body).toMatchObject({ browsable: false });
  });

  test('under another name than .tar.gz is refused, naming the setting', async () => {
    const { client, uploads } = await uploaded();
    const partUrl: typeof uploads.partUrl = (...where) => `${uploads.url}/${where[0]}?partNumber=${where[2]}`;
    for (const suffix of ['tar.zst', 'tar', 'tar.xz', 'zip']) {
      uploads.partUrl = (key, ...more) => partUrl(key.replace('tar.gz', suffix), ...more);
      const failure = await failureOf(client.partUrls(BACKUP, 7, NEVER), 'invalid_request');
      expect([failure.retry, failure.hint]).toEqual([false, expect.stringContaining('compression_type')]);
    }
  });
});

describe('a panel that is away', () => {
  test.each<[string, Outage, RegExp]>([
    ['refuses connections', 'refuse', /away: .*ECONNREFUSED/],
    ['cuts them', 'reset', /away/],
    ['loses its answer', 'lost-answer', /away/],
    ['stands behind a gateway that is lost', 'gateway', /answered 502/],
    ['answers 500', 500, /answered 500: Away\./],
    ['answers 403', 403, /answered 403/],
    ['is flooded', 429, /answered 429/],
    ['is moved', 302, /answered 302/],
  ])('that %s is tried again', async (_, outage, words) => {
    const { panel, server, client, report, clock } = await open();
    panel.rows.addBackup({ uuid: BACKUP, server });
    await panel.setOutage(outage);
    // Hours after it was asked for, too.
    clock.advance(10 * 3_600_000);
    expect(await verdict(client.reportBackup(report, NEVER))).toEqual(['retry', expect.stringMatching(words)]);
    await panel.setOutage(undefined);
    expect((await client.reportBackup(report, NEVER)).kind).toBe('delivered');
    expect(panel.effective(/backups/)).toBe(1);
  });

  test('that never answers is not waited for for ever', async () => {
    const { panel, report, clock } = await open();
    await panel.setOutage('hang');
    const client = clientOf('pterodactyl', panel, clock, 50);
    const found = await verdict(client.reportBackup(report, NEVER));
    expect(found).toEqual(['retry', expect.stringContaining('did not answer within 0.05 seconds')]);
  });

  test('that sends its answer for ever is not read to the end', async () => {
    const address = await scripted((_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      const flood = (): void => {
        while (response.write('x'.repeat(65_536)));
        response.once('drain', flood);
      };
      flood();
    });
    const client = clientOf('pterodactyl', address, new StillClock());
    const { report } = await open();
    expect(await verdict(client.reportBackup(report, NEVER))).toEqual(['retry', expect.stringContaining('longer')]);
  });

  test('is left as soon as the node stops', async () => {
    const { panel, client, report } = await open();
    await panel.setOutage('hang');
    const stop = new AbortController();
    const waiting = client.reportBackup(report, stop.signal);
    await panel.untilCalls(1, 'POST', /backups/);
    stop.abort();
    await failureOf(waiting, 'cancelled');
  });
});

describe('what a panel refuses', () => {
  test.each([409, 405, 413, 400, 410])('is refused for good: %i', async (status) => {
    const { panel, client, report } = await open();
    await panel.setOutage(status);
    expect(await verdict(client.reportBackup(report, NEVER))).toEqual(['refused', expect.stringContaining('Away')]);
  });

  test('a report that it finds wrong is tried again only while it may not have committed', async () => {
    const { panel, client, report, clock } = await open();
    await panel.setOutage(422);
    expect((await client.reportBackup(report, NEVER)).kind).toBe('retry');
    clock.advance(300_000);
    expect((await client.reportBackup(report, NEVER)).kind).toBe('refused');
  });
});

describe('the node’s token', () => {
  test('does not follow a redirect', async () => {
    let followed = 0;
    const elsewhere = await scripted((_, response) => {
      followed++;
      response.end();
    });
    const address = await scripted((_, response) => {
      response.writeHead(307, { Location: elsewhere.url });
      response.end();
    });
    const { report } = await open();
    const found = await clientOf('pelican', address, new StillClock()).reportBackup(report, NEVER);
    expect([found.kind, followed]).toEqual(['retry', 0]);
  });

  test.each([0, 170])('is in no failure, also when the panel says it back, whole or cut (after %i)', async (after) => {
    const address = await scripted((request, response) => {
      const detail = `${' '.repeat(after)}Refused: ${request.headers.authorization ?? ''}`;
      response.writeHead(400, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code: 'X', status: '400', detail }] }));
    });
    const { report } = await open();
    const found = await clientOf('pterodactyl', address, new StillClock()).reportBackup(report, NEVER);
    expect(found.kind).toBe('refused');
    expect(JSON.stringify(found)).not.toContain(address.node.token.slice(0, 4));
  });

  test('that was replaced counts from the next request on', async () => {
    const { panel, server, client, report } = await open();
    panel.rows.addBackup({ uuid: BACKUP, server });
    panel.rotate();
    expect((await client.reportBackup(report, NEVER)).kind).toBe('delivered');
  });
});

describe('an answer that is not a panel’s', () => {
  test.each([
    ['HTML', '<html>Maintenance</html>'],
    ['another shape', '{"data":{}}'],
  ])('%s is no list of servers', async (_, body) => {
    const address = await scripted((_request, response) => void response.end(body));
    const client = clientOf('pterodactyl', address, new StillClock());
    await failureOf(client.servers(NEVER).next(), 'store_unreachable');
  });

  test('a page is no success of a report, whatever its status; nothing and JSON are', async () => {
    let body = '\n<!DOCTYPE html><title>Be right back</title>';
    const address = await scripted((_, response) => void response.end(body));
    const client = clientOf('pterodactyl', address, new StillClock());
    const restored = { backup: BACKUP, server: SERVER, successful: true, askedAt: 0 };
    expect(await verdict(client.reportRestore(restored, NEVER))).toEqual([
      'retry',
      'Cannot report the restore to the panel: the panel is away: its answer is not the one of a panel',
    ]);
    expect((await failureOf(client.resetServers(NEVER), 'store_unreachable')).retry).toBe(true);
    for (body of ['', '{}', '[]']) {
      expect((await client.reportRestore(restored, NEVER)).kind).toBe('delivered');
      await client.resetServers(NEVER);
    }
  });

  test('a list without an end is read for so many pages and no longer', async () => {
    let pages = 0;
    const address = await scripted((_, response) => {
      pages++;
      response.end(JSON.stringify({ data: [], meta: { last_page: 1_000_000_000 } }));
    });
    for await (const _ of clientOf('pterodactyl', address, new StillClock()).servers(NEVER)) expect.unreachable();
    expect(pages).toBe(2000);
  });
});
