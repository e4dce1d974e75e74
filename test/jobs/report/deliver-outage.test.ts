/** A panel that is away for hours, over real connections: what a host loses by it, which is nothing. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { openLog } from '../../../src/base/log/log.ts';
import { ReportOutbox } from '../../../src/jobs/report/outbox.ts';
import { reportSteps } from '../../../src/jobs/report/steps.ts';
import { sendingAgain } from '../../../src/jobs/report/upload.ts';
import type { PanelPort } from '../../../src/jobs/report/panel.ts';
import { FLAVOURS } from '../../../src/protocols/wings/flavours/flavours.ts';
import { PanelClient } from '../../../src/protocols/wings/panel/client.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { backUp, backupId, scratchCatalogue, serverId, testNode, type TestNode } from '../../support/node.ts';
import { openPanel, type Outage, type Panel, type PanelFlavour } from '../../support/panel/panel.ts';

const HOURS = 6;
const MINUTE = 60_000;
const SERVER = serverId(1);
const OTHER = serverId(2);
const ID = backupId(1);
const REPORTS = /\/backups\/[^/]+$/;
const RESTORES = /\/restore$/;

/** A node and its panel; `restart` ends the daemon's lane and begins with another on the same catalogue and store. */
async function scene(flavour: PanelFlavour = 'pterodactyl') {
  const time = new ManualTime();
  const panel = await openPanel({ flavour, clock: time, commitAfter: 1000 });
  const server = panel.addServer(SERVER);
  panel.addServer(OTHER);
  const store = new MemoryStore();
  const catalogue = await scratchCatalogue(time);
  const parts = { facts: FLAVOURS[flavour], credentials: panel.node, version: '1.2.3', fetch, clock: time };
  /** How long a panel may take: no longer than a moment only where it never answers. */
  const patience = { timeoutMs: 20_000 };
  const client = (): PanelPort =>
    new PanelClient({
      ...parts,
      panelUrl: panel.url,
      get timeoutMs() {
        return patience.timeoutMs;
      },
    });
  const lines: string[] = [];
  const log = openLog({ level: 'debug', format: 'json' }, { write: (line) => void lines.push(line) });
  const begin = async () => {
    const node = await testNode({ catalogue, store, clock: time });
    const sendAgain = sendingAgain({ ...node, clock: time, uploadRate: () => 0 });
    const steps = reportSteps({ panel: client(), catalogue, clock: time, sendAgain });
    const timing = { clock: time, timers: time, random: () => 0.999 };
    const lane = new ReportOutbox({ catalogue, steps, events: node.events, ...timing, log });
    onTestFinished(() => lane.close());
    await node.recover();
    lane.start();
    return { node, lane };
  };
  return { time, panel, server, store, catalogue, lines, begin, patience };
}

type Scene = Awaited<ReturnType<typeof scene>>;

async function pass({ time }: Scene, lane: ReportOutbox, minutes: number): Promise<void> {
  for (let left = minutes; left > 0; left--) {
    time.advance(MINUTE);
    await lane.settled();
  }
}

/** As the panel does: its row is written, the node accepts, and only then others can see the row. */
async function ask({ panel, server }: Scene, { service }: TestNode): Promise<void> {
  panel.rows.begin().write(() => void panel.rows.addBackup({ uuid: ID, server }));
  await (
    await service.create({ server: SERVER, id: ID, whenBusy: 'queue', report: true })
  ).ended;
}

async function effective(panel: Panel, path: RegExp): Promise<number> {
  await panel.setOutage(undefined);
  return panel.effective(path);
}

describe('a panel that is away for hours', () => {
  test.each<[string, Outage]>([
    ['refuses connections', 'refuse'],
    ['never answers', 'hang'],
    ['cuts connections', 'reset'],
    ['answers 500', 500],
    ['answers 403', 403],
    ['answers 429', 429],
    ['is a gateway’s error page', 'gateway'],
  ])('and %s costs nothing: the archive stays, and one report arrives', async (_, outage) => {
    const stage = await scene();
    const { panel, catalogue, store, lines, patience } = stage;
    await panel.setOutage(outage);
    if (outage === 'hang') patience.timeoutMs = 50;
    const first = await stage.begin();
    await ask(stage, first.node);
    const made = catalogue.backups.get(ID);
    await pass(stage, first.lane, (HOURS / 2) * 60);
    await first.lane.close();

    const second = await stage.begin();
    // Neither other backups nor a restore of this one wait for the panel.
    await backUp(second.node, OTHER);
    await (
      await second.node.service.restore({ server: SERVER, backup: ID, truncate: false })
    ).ended;
    await pass(stage, second.lane, (HOURS / 2) * 60);
    expect(catalogue.deliveries.counts()).toEqual({ pending: 1, parked: 0 });
    expect(panel.rows.backups.get(ID)?.completedAt ?? null).toBeNull();

    await panel.setOutage(undefined);
    patience.timeoutMs = 20_000;
    await pass(stage, second.lane, 16);
    expect(panel.rows.backups.get(ID)).toMatchObject({
      successful: true,
      checksum: `sha256:${made.sha256 ?? ''}`,
      bytes: made.size,
    });
    await pass(stage, second.lane, 60);
    expect([panel.effective(REPORTS), catalogue.deliveries.list()]).toEqual([1, []]);
    // Told once that the panel is away, once that it is back, and nothing that is the node's alone to know.
    const told = lines.filter((line) => !line.includes('"level":"debug"'));
    expect(told.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(['warn', 'warn', 'info']);
    expect(lines.join('\n')).not.toContain(panel.node.token);
    expect(catalogue.backups.get(ID)).toMatchObject({ status: 'COMPLETED', sha256: made.sha256, size: made.size });
    expect(store.objects.get(objectKey(SERVER, ID, 'tar.gz'))?.length).toBe(made.size);
  });

  test('and loses its answers takes the report once, however often it is sent', async () => {
    const stage = await scene();
    const { panel, catalogue } = stage;
    const { node, lane } = await stage.begin();
    panel.rows.addBackup({ uuid: ID, server: stage.server });
    await panel.setOutage('lost-answer');
    await (
      await node.service.create({ server: SERVER, id: ID, report: true })
    ).ended;
    await pass(stage, lane, 60);
    expect(panel.callsTo('POST', REPORTS).length).toBeGreaterThan(3);
    expect(await effective(panel, REPORTS)).toBe(1);
    await pass(stage, lane, 16);
    expect([panel.effective(REPORTS), catalogue.deliveries.list()]).toEqual([1, []]);
  });

  test('hears of a failed backup, too', async () => {
    const stage = await scene();
    const { panel, store } = stage;
    await panel.setOutage(500);
    const { node, lane } = await stage.begin();
    panel.rows.addBackup({ uuid: ID, server: stage.server });
    const accepted = await node.service.create({ server: SERVER, id: ID, report: true });
    store.reachable = false;
    await accepted.ended.catch(() => undefined);
    await pass(stage, lane, 60);
    await panel.setOutage(undefined);
    await pass(stage, lane, 16);
    expect(panel.rows.backups.get(ID)).toMatchObject({ successful: false, completedAt: expect.any(Number) });
  });
});

describe.each(['pterodactyl', 'pelican', 'calagopus'] as const)('%s, which commits late,', (flavour) => {
  test('has a backup’s report within seconds of its commit', async () => {
    const stage = await scene(flavour);
    const { panel, time } = stage;
    const { node, lane } = await stage.begin();
    await ask(stage, node);
    await lane.settled();
    expect(panel.effective(REPORTS)).toBe(0);
    for (let tenths = 0; tenths < 40; tenths++) {
      time.advance(100);
      await lane.settled();
    }
    expect([panel.rows.backups.get(ID)?.successful, panel.effective(REPORTS)]).toEqual([true, 1]);
  });

  test('is never left restoring by a restore that ended before its commit', async () => {
    const stage = await scene(flavour);
    const { panel, server, time, catalogue } = stage;
    const { node, lane } = await stage.begin();
    await backUp(node, SERVER, ID);
    panel.rows.addBackup({ uuid: ID, server, successful: true });
    // So slow that the first report comes before it.
    const transaction = panel.rows.begin();
    transaction.write(() => void (server.status = 'restoring_backup'));
    Object.assign(transaction, { dueAt: time.now() + 10_000 });
    const restore = { server: SERVER, backup: ID, truncate: false, whenBusy: 'queue', report: true } as const;
    await (
      await node.service.restore(restore)
    ).ended;
    // The double of the verb tells of nothing.
    lane.wake();
    for (let seconds = 0; seconds < 60; seconds++) {
      time.advance(1000);
      await lane.settled();
    }
    expect([server.status, catalogue.deliveries.list()]).toEqual([null, []]);
    expect([panel.callsTo('POST', RESTORES).length > 1, panel.effective(RESTORES)]).toEqual([true, 1]);
  });
});

describe('a restore’s second report', () => {
  test('is not sent when the first came late enough, nor once another restore was asked for', async () => {
    const stage = await scene();
    const { panel, server, time } = stage;
    const { node, lane } = await stage.begin();
    await backUp(node, SERVER, ID);
    panel.rows.addBackup({ uuid: ID, server, successful: true });
    const restore = { server: SERVER, backup: ID, truncate: false, whenBusy: 'queue', report: true } as const;
    await panel.setOutage('refuse');
    await (
      await node.service.restore(restore)
    ).ended;
    await pass(stage, lane, 2);
    await panel.setOutage(undefined);
    await pass(stage, lane, 16);
    expect(panel.callsTo('POST', RESTORES)).toHaveLength(1);

    await (
      await node.service.restore(restore)
    ).ended;
    lane.wake();
    time.advance(3000);
    await lane.settled();
    expect(panel.callsTo('POST', RESTORES)).toHaveLength(2);
    time.advance(5000);
    await (
      await node.service.restore(restore)
    ).ended;
    lane.wake();
    await pass(stage, lane, 2);
    // That of the third, and no further one of the second.
    expect(panel.callsTo('POST', RESTORES)).toHaveLength(3);
  });
});

describe('a backup that was removed before its report arrived', () => {
  test('is reported as failed, so that nobody counts on it', async () => {
    const stage = await scene();
    const { panel } = stage;
    await panel.setOutage(500);
    const { node, lane } = await stage.begin();
    panel.rows.addBackup({ uuid: ID, server: stage.server });
    await (
      await node.service.create({ server: SERVER, id: ID, report: true })
    ).ended;
    await lane.settled();
    await node.service.remove(SERVER, ID);
    await panel.setOutage(undefined);
    await pass(stage, lane, 16);
    expect(panel.rows.backups.get(ID)).toMatchObject({ successful: false, completedAt: expect.any(Number) });
  });

  test('is no trouble when the panel has forgotten it as well', async () => {
    const stage = await scene();
    await stage.panel.setOutage(500);
    const { node, lane } = await stage.begin();
    await (
      await node.service.create({ server: SERVER, id: ID, report: true })
    ).ended;
    await lane.settled();
    await node.service.discard(SERVER, ID);
    await stage.panel.setOutage(undefined);
    await pass(stage, lane, 16);
    expect(stage.catalogue.deliveries.list()).toEqual([]);
  });
});

test('what the panel refuses is parked where operators see it, and arrives when they ask for it', async () => {
  const stage = await scene();
  const { panel, catalogue, server } = stage;
  const { node, lane } = await stage.begin();
  await (
    await node.service.create({ server: SERVER, id: ID, report: true })
  ).ended;
  await pass(stage, lane, 10);
  expect(node.catalogue.deliveries.list()).toMatchObject([
    { state: 'parked', error: { code: 'backup_not_found', message: expect.stringContaining('404') } },
  ]);
  expect(catalogue.backups.get(ID).status).toBe('COMPLETED');
  panel.rows.addBackup({ uuid: ID, server });
  expect(lane.retry()).toBe(1);
  await eventually(() => panel.effective(REPORTS) === 1);
  await lane.settled();
  expect(catalogue.deliveries.list()).toEqual([]);
});
