/** Deletions that Calagopus asks for: answered at once, done and reported afterwards, whatever happens in between. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../../src/base/log/log.ts';
import { deletionSteps } from '../../../src/jobs/report/deletion.ts';
import { ReportOutbox } from '../../../src/jobs/report/outbox.ts';
import { reportSteps } from '../../../src/jobs/report/steps.ts';
import { sendingAgain } from '../../../src/jobs/report/upload.ts';
import { FLAVOURS } from '../../../src/protocols/wings/flavours/flavours.ts';
import { PanelClient } from '../../../src/protocols/wings/panel/client.ts';
import { eventually } from '../../support/eventually.ts';
import { failureOf } from '../../support/rejection.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { backUp, backupId, scratchCatalogue, serverId, testNode } from '../../support/node.ts';
import { openPanel } from '../../support/panel/panel.ts';

const SERVER = serverId(1);
const ID = backupId(1);
const DELETION = /\/deletion$/;

async function scene() {
  const time = new ManualTime();
  const panel = await openPanel({ flavour: 'calagopus', clock: time, commitAfter: 0 });
  const backup = panel.rows.addBackup({ uuid: ID, server: panel.addServer(SERVER), successful: true, deleting: true });
  const store = new MemoryStore();
  const catalogue = await scratchCatalogue(time);
  const parts = { facts: FLAVOURS.calagopus, credentials: panel.node, version: '1.2.3', fetch, clock: time };
  const client = new PanelClient({ ...parts, panelUrl: panel.url });
  const begin = async (starts = true) => {
    const node = await testNode({ catalogue, store, clock: time });
    const sendAgain = sendingAgain({ ...node, clock: time, uploadRate: () => 0 });
    const reports = reportSteps({ panel: client, catalogue, clock: time, sendAgain });
    const steps = [...reports, ...deletionSteps(node.discard)];
    const timing = { clock: time, timers: time, random: () => 0.999 };
    const lane = new ReportOutbox({ catalogue, steps, events: node.events, ...timing, log: silentLog() });
    onTestFinished(() => lane.close());
    await node.recover();
    if (starts) lane.start();
    return { node, lane };
  };
  return { time, panel, backup, store, catalogue, begin };
}

describe('a deletion that the panel asks for', () => {
  // Time stands still, so nothing that is waited for here waits for a timer.
  test('is done, and its row at the panel is gone, without a wait', async () => {
    const { panel, store, catalogue, begin } = await scene();
    const { node, lane } = await begin();
    await backUp(node, SERVER, ID);
    await node.service.discardLater(SERVER, ID);
    lane.wake();
    await eventually(() => panel.rows.backups.get(ID) === undefined);
    await lane.settled();
    expect([catalogue.deliveries.list(), catalogue.backups.find(ID), store.objects.size]).toEqual([[], undefined, 0]);
    expect(panel.callsTo('POST', DELETION).map(({ body }) => body)).toEqual([{ successful: true }]);
  });

  test('is taken on durably: a kill between the answer and the work leaves it to the next start', async () => {
    const { panel, catalogue, begin } = await scene();
    const { node } = await begin(false);
    await backUp(node, SERVER, ID);
    await node.service.discardLater(SERVER, ID);
    expect(catalogue.deliveries.list()).toMatchObject([{ kind: 'deletion', step: 'delete', state: 'pending' }]);
    expect(catalogue.backups.find(ID)).toBeDefined();
    await begin();
    await eventually(() => panel.rows.backups.get(ID) === undefined);
    expect(catalogue.backups.find(ID)).toBeUndefined();
  });

  test('with the panel away is done here and owed there, behind what else is owed of that backup', async () => {
    const { time, panel, catalogue, begin } = await scene();
    await panel.setOutage(500);
    const { node, lane } = await begin();
    await (
      await node.service.create({ server: SERVER, id: ID, whenBusy: 'queue', report: true })
    ).ended;
    await lane.settled();
    await node.service.discardLater(SERVER, ID);
    lane.wake();
    await eventually(() => catalogue.backups.find(ID) === undefined);
    await lane.settled();
    expect(catalogue.deliveries.list().map(({ kind }) => kind)).toEqual(['backup', 'deletion']);
    await panel.setOutage(undefined);
    for (let tries = 0; tries < 20 && catalogue.deliveries.list().length > 0; tries++) {
      time.advance(3_600_000);
      await lane.settled();
    }
    expect(catalogue.deliveries.list()).toEqual([]);
    expect(panel.rows.backups.get(ID)).toBeUndefined();
  });

  test('is asked for twice, and owed once', async () => {
    const { catalogue, begin } = await scene();
    const { node } = await begin(false);
    await backUp(node, SERVER, ID);
    for (let times = 0; times < 3; times++) await node.service.discardLater(SERVER, ID);
    expect(catalogue.deliveries.list()).toHaveLength(1);
  });

  test('of a locked or unknown backup is refused at once; one that is locked in between stays, and is told so', async () => {
    const { panel, backup, catalogue, begin } = await scene();
    const { node } = await begin(false);
    await failureOf(node.service.discardLater(SERVER, ID), 'backup_not_found');
    await backUp(node, SERVER, ID);
    await node.service.setLocked(SERVER, ID, true);
    await failureOf(node.service.discardLater(SERVER, ID), 'backup_locked');
    await node.service.setLocked(SERVER, ID, false);
    await node.service.discardLater(SERVER, ID);
    await node.service.setLocked(SERVER, ID, true);
    const { lane } = await begin();
    await eventually(() => backup.deletionRetries === 1);
    await lane.settled();
    expect(panel.callsTo('POST', DELETION).map(({ body }) => body)).toEqual([{ successful: false }]);
    expect([panel.rows.backups.has(ID), catalogue.backups.find(ID)?.locked]).toEqual([true, true]);
  });

  test('is over when the panel does not wait for it any more', async () => {
    const { backup, catalogue, begin } = await scene();
    backup.deleting = false;
    const { node, lane } = await begin();
    await backUp(node, SERVER, ID);
    await node.service.discardLater(SERVER, ID);
    lane.wake();
    await eventually(() => catalogue.deliveries.list().length === 0);
  });
});

test('held reports wait for the release, restores and the deleting itself do not', async () => {
  const { panel, catalogue, begin } = await scene();
  const { node, lane } = await begin(false);
  await backUp(node, SERVER, ID);
  await node.service.discardLater(SERVER, ID);
  lane.start({ held: true });
  await eventually(() => catalogue.backups.find(ID) === undefined);
  await lane.settled();
  expect(panel.calls).toEqual([]);
  lane.release();
  await eventually(() => panel.rows.backups.get(ID) === undefined);
});
