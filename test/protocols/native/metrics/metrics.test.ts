import { describe, expect, test } from 'vitest';
import type { BackupId, JobId } from '../../../../src/base/ids.ts';
import { watchEventLoop } from '../../../../src/protocols/native/metrics/event-loop-delay.ts';
import { openNativeApp, tokenWith } from '../../../support/native-app.ts';
import { OTHER_SERVER, SERVER } from '../../../support/scripted-service.ts';
import { BACKUP_DATA } from '../../../support/events.ts';

const JOB = 'cccccccc-0000-4000-8000-000000000001' as JobId;
const BACKUP = 'cccccccc-0000-4000-8000-000000000002' as BackupId;
const ABOUT = { server: SERVER, backup: BACKUP, job: JOB };

/** The values of a metric, by its labels as they are written. */
function values(text: string, name: string): Record<string, number> {
  const lines = text.split('\n').flatMap((line) => {
    const [, found, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return found === name ? [[labels, Number(value)] as const] : [];
  });
  return Object.fromEntries(lines);
}

describe('GET /metrics', () => {
  test('shows what runs, the queue, the stores and the delay of the event loop', async () => {
    const delays = [
      { p99: 0.004, max: 0.02 },
      { p99: 0, max: 0 },
    ];
    const { call, service } = openNativeApp({
      openCopies: () => ({ pending: 3, failed: 1, damaged: 2 }),
      eventLoop: { take: () => delays.shift() ?? { p99: 1, max: 1 }, close: () => undefined },
    });
    const system = await service.system();
    service.system = async () => ({
      ...system,
      engine: 'isal',
      jobs: { running: 2, queued: 7 },
      stores: [
        { name: 'local', type: 'local', freeBytes: 12_345, error: null },
        { name: 'away', type: 's3', freeBytes: null, error: 'it is away' },
      ],
    });
    const { status, headers, text } = await call('GET', '/metrics');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(values(text, 'roost_build_info')).toEqual({ 'version="1.2.3",node="v24.0.0"': 1 });
    expect(values(text, 'roost_engine_info')).toEqual({ 'engine="isal"': 1 });
    expect(values(text, 'roost_jobs')).toEqual({ 'state="running"': 2, 'state="waiting"': 7 });
    expect(values(text, 'roost_store_up')).toEqual({ 'store="local"': 1, 'store="away"': 0 });
    expect(values(text, 'roost_store_free_bytes')).toEqual({ 'store="local"': 12_345 });
    expect(values(text, 'roost_copies')).toEqual({
      'state="pending"': 3,
      'state="failed"': 1,
      'state="damaged"': 2,
    });
    expect(values(text, 'roost_event_loop_delay_p99_seconds')).toEqual({ '': 0.004 });
    expect(values(text, 'roost_event_loop_delay_max_seconds')).toEqual({ '': 0.02 });
  });

  test('shows what stores hold whose archives share bytes, and nothing of others', async () => {
    const { call, service } = openNativeApp();
    const system = await service.system();
    const vault = { packs: 3, storedBytes: 50_000, liveBytes: 42_000, collectedAt: 1_700_000_000_500 };
    const store = { type: 'local', freeBytes: 1, error: null } as const;
    service.system = async () => ({
      ...system,
      stores: [
        { ...store, name: 'local', vault },
        { ...store, name: 'plain' },
      ],
    });
    const { text } = await call('GET', '/metrics');
    expect(values(text, 'roost_vault_stored_bytes')).toEqual({ 'store="local"': 50_000 });
    expect(values(text, 'roost_vault_live_bytes')).toEqual({ 'store="local"': 42_000 });
    expect(values(text, 'roost_vault_dead_bytes')).toEqual({ 'store="local"': 8000 });
    expect(values(text, 'roost_vault_packs')).toEqual({ 'store="local"': 3 });
    expect(values(text, 'roost_vault_collected_timestamp_seconds')).toEqual({ 'store="local"': 1_700_000_000.5 });
  });

  test('shows what the panel is owed, on a node that has one', async () => {
    const { call, service } = openNativeApp();
    const system = await service.system();
    expect((await call('GET', '/metrics')).text).not.toContain('roost_panel_reports');
    service.system = async () => ({ ...system, deliveries: { pending: 3, parked: 1 } });
    const { text } = await call('GET', '/metrics');
    expect(values(text, 'roost_panel_reports')).toEqual({ 'state="pending"': 3, 'state="parked"': 1 });
  });

  test('counts the times of schedules that passed without their backup', async () => {
    const { call, events } = openNativeApp();
    events.emit({ type: 'schedule.missed', server: SERVER, data: { cron: '0 4 * * *', missed: 3, run: true } });
    events.emit({ type: 'schedule.missed', server: SERVER, data: { cron: '0 4 * * *', missed: 1, run: false } });
    const { text } = await call('GET', '/metrics');
    expect(values(text, 'roost_schedule_missed_total')).toEqual({ [`server="${SERVER}"`]: 4 });
  });

  test('shows the last success of each server, found once and then kept by events', async () => {
    const { call, service, events } = openNativeApp();
    service.add({ completedAt: 5_000 });
    service.add({ completedAt: 9_000 });
    service.add({ completedAt: null, status: 'FAILED' });
    service.serverViews.set(SERVER, { ...(await service.server(SERVER)), backups: 3, bytes: 77 });
    const last = 'roost_backup_last_success_timestamp_seconds';
    const first = await call('GET', '/metrics');
    expect(values(first.text, last)).toEqual({ [`server="${SERVER}"`]: 9, [`server="${OTHER_SERVER}"`]: 0 });
    expect(values(first.text, 'roost_backups')).toEqual({ [`server="${SERVER}"`]: 3, [`server="${OTHER_SERVER}"`]: 0 });
    expect(values(first.text, 'roost_backup_bytes')).toMatchObject({ [`server="${SERVER}"`]: 77 });
    const asked = service.calls.filter(({ method }) => method === 'backups').length;
    events.emit({ type: 'backup.completed', ...ABOUT, server: OTHER_SERVER, data: BACKUP_DATA });
    const second = await call('GET', '/metrics');
    expect(values(second.text, last)).toEqual({
      [`server="${SERVER}"`]: 9,
      [`server="${OTHER_SERVER}"`]: Date.UTC(2026, 0, 1) / 1000,
    });
    expect(service.calls.filter(({ method }) => method === 'backups')).toHaveLength(asked);
  });

  test('shows a server that was never backed up as one whose last success is as old as can be', async () => {
    const { call, service } = openNativeApp();
    service.add({ completedAt: null, status: 'FAILED' });
    service.serverViews.set(SERVER, { ...(await service.server(SERVER)), backups: 1 });
    expect(values((await call('GET', '/metrics')).text, 'roost_backup_last_success_timestamp_seconds')).toEqual({
      [`server="${SERVER}"`]: 0,
      [`server="${OTHER_SERVER}"`]: 0,
    });
  });

  test('counts the backups of all servers by their state', async () => {
    const { call, service } = openNativeApp();
    const states = { completed: 5, damaged: 1, suspect: 2, failed: 3 };
    service.serverViews.set(SERVER, { ...(await service.server(SERVER)), backups: 11, states });
    service.serverViews.set(OTHER_SERVER, { ...(await service.server(OTHER_SERVER)), backups: 11, states });
    expect(values((await call('GET', '/metrics')).text, 'roost_backups')).toMatchObject({
      'state="completed"': 10,
      'state="damaged"': 2,
      'state="suspect"': 4,
      'state="failed"': 6,
    });
  });

  test('tells each scraper the last success of all its servers, whichever asked first', async () => {
    const secret = 'one-server-one-server';
    const tokens = [tokenWith('all', 'all-servers-all-servers'), tokenWith('one', secret, { servers: [SERVER] })];
    const { call, service } = openNativeApp({ tokens });
    service.add({ completedAt: 5_000 });
    for (const id of [SERVER, OTHER_SERVER]) {
      service.serverViews.set(id, { ...(await service.server(id)), backups: 1, bytes: 7 });
    }
    const backups = service.backups.bind(service);
    service.backups = async (id) =>
      id === OTHER_SERVER ? [{ ...(await backups(SERVER))[0]!, completedAt: 7000 }] : backups(id);
    const last = 'roost_backup_last_success_timestamp_seconds';
    const one = await call('GET', '/metrics', { token: secret });
    expect(values(one.text, last)).toEqual({ [`server="${SERVER}"`]: 5 });
    const all = await call('GET', '/metrics', { token: 'all-servers-all-servers' });
    expect(values(all.text, last)).toEqual({ [`server="${SERVER}"`]: 5, [`server="${OTHER_SERVER}"`]: 7 });
  });

  test('counts jobs by their end, failures by code, and the bytes of backups', async () => {
    const { call, events } = openNativeApp();
    events.emit({ type: 'backup.started', ...ABOUT, data: {} });
    events.emit({ type: 'backup.completed', ...ABOUT, data: { size: 10, rawSize: 40, reusedBytes: 3 } });
    events.emit({ type: 'backup.failed', ...ABOUT, data: { error: { code: 'insufficient_storage' } } });
    events.emit({ type: 'backup.cancelled', ...ABOUT, data: {} });
    events.emit({ type: 'restore.failed', ...ABOUT, data: { error: { code: 'made up"} 1' } } });
    events.emit({ type: 'backup.verified', ...ABOUT, data: { ok: true } });
    events.emit({ type: 'backup.verified', ...ABOUT, data: { ok: false, error: { code: 'archive_damaged' } } });
    // The end of the job of a verdict, and of jobs that read a copy.
    events.emit({ type: 'verify.completed', ...ABOUT, data: {} });
    events.emit({ type: 'verify.completed', ...ABOUT, data: { copy: 'offsite' } });
    events.emit({ type: 'verify.failed', ...ABOUT, data: { copy: 'offsite', error: { code: 'archive_damaged' } } });
    const { text } = await call('GET', '/metrics');
    expect(values(text, 'roost_jobs_done_total')).toEqual({
      'kind="backup"': 1,
      'kind="restore"': 0,
      'kind="verify"': 2,
    });
    expect(values(text, 'roost_job_failures_total')).toEqual({
      'kind="backup",code="insufficient_storage"': 1,
      'kind="backup",code="cancelled"': 1,
      'kind="restore",code="internal"': 1,
      'kind="verify",code="archive_damaged"': 2,
    });
    expect(values(text, 'roost_job_duration_seconds_count')).toEqual({ 'kind="backup"': 1 });
    expect(values(text, 'roost_backup_stored_bytes_total')).toEqual({ '': 10 });
    expect(values(text, 'roost_backup_read_bytes_total')).toEqual({ '': 40 });
    expect(values(text, 'roost_backup_reused_bytes_total')).toEqual({ '': 3 });
  });

  test('asks for node.read, and shows a token no servers but its own', async () => {
    const { call } = openNativeApp({
      tokens: [
        tokenWith('reader', 'reader-secret-reader', { permissions: ['backup.read'] }),
        tokenWith('scraper', 'scraper-secret-scraper', {
          permissions: ['node.read'],
          servers: [OTHER_SERVER],
        }),
      ],
    });
    expect((await call('GET', '/metrics', { token: '' })).status).toBe(401);
    expect((await call('GET', '/metrics', { token: 'reader-secret-reader' })).status).toBe(403);
    const { text } = await call('GET', '/metrics', { token: 'scraper-secret-scraper' });
    expect(values(text, 'roost_backups')).toEqual({ [`server="${OTHER_SERVER}"`]: 0 });
    expect((await call('POST', '/metrics')).status).toBe(405);
  });
});

test('the delay of the event loop counts what it was held up beyond its plan', async () => {
  const delay = watchEventLoop();
  const turn = () => new Promise((resolve) => setTimeout(resolve, 20));
  try {
    await turn();
    delay.take();
    await turn();
    const until = performance.now() + 120;
    while (performance.now() < until);
    await turn();
    expect(delay.take().max).toBeGreaterThan(0.09);
  } finally {
    delay.close();
  }
});
