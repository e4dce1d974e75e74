/** Panels that are away for hours, and daemons that end meanwhile: no archive is lost, and the panel hears once. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { GAME_SERVER, type RunningDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { openPanelSite } from '../support/panel/site.ts';
import type { Outage, PanelFlavour } from '../support/panel/panel.ts';
import { StillClock } from '../support/still-clock.ts';
import { storedArchive } from '../support/stored-archive.ts';

const HOUR = 3_600_000;
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const REPORT = /\/backups\/[^/]+$/;

async function owesNothing(call: RunningDaemon['call']): Promise<void> {
  await eventually(async () => {
    const { reports } = (await call('/api/panel/reports')).body as { reports: unknown[] };
    return reports.length === 0;
  });
}

const OUTAGES: readonly (readonly [Outage, PanelFlavour])[] = [
  ['refuse', 'pterodactyl'],
  ['hang', 'pelican'],
  ['gateway', 'calagopus'],
  [500, 'calagopus'],
  [403, 'pterodactyl'],
];

test.each(OUTAGES)(
  'a panel that is away for hours (%s) hears of a backup once, when it is back (%s)',
  async (outage, flavour) => {
    const clock = new StillClock();
    const site = await openPanelSite({ flavour, clock });
    const { panel, server, host, start } = site;
    await panel.setOutage(outage);
    const row = await panel.daemon.create(server);
    const backup = async () => (await site.call(`${BACKUPS}/${row.uuid}`)).body as { status: string; checksum: string };
    await eventually(async () => (await backup()).status === 'COMPLETED');
    const { checksum } = await backup();
    // Nothing else waits for the panel: a second one through Roost's own API is done at once.
    expect((await site.call(BACKUPS, { body: {} })).status).toBe(201);
    if (outage !== 'refuse') await panel.untilCalls(1, 'POST', REPORT);

    await site.daemon.stop();
    clock.advance(5 * HOUR);
    const told = panel.callsTo('POST', REPORT).length;
    const second = await start(clock);
    if (outage !== 'refuse') await panel.untilCalls(told + 1, 'POST', REPORT);
    expect(row.successful).toBe(false);
    await second.daemon.stop();

    clock.advance(5 * HOUR);
    await panel.setOutage(undefined);
    const third = await start(clock);
    await eventually(() => row.successful);
    const archive = storedArchive(host.backups, GAME_SERVER, row.uuid);
    expect(createHash('sha256').update(archive).digest('hex')).toBe(checksum);
    expect(row).toMatchObject({ checksum: `sha256:${checksum}`, bytes: archive.length });
    // Once more: what has arrived is not told again. It is the answer that tells that it has.
    await eventually(async () => {
      const { reports } = (await third.call('/api/panel/reports')).body as { readonly reports: readonly unknown[] };
      return reports.length === 0;
    });
    await third.daemon.stop();
    clock.advance(HOUR);
    await start(clock);
    const another = await panel.daemon.create(server);
    await eventually(() => another.successful);
    expect(panel.calls.filter(({ effective, path }) => effective && path.endsWith(row.uuid))).toHaveLength(1);
  },
);

test.each(['pterodactyl', 'pelican', 'calagopus'] as const)(
  'a report whose answer was lost is taken as told when the panel refuses it as done (%s)',
  async (flavour) => {
    const clock = new StillClock();
    const { panel, server, daemon, start } = await openPanelSite({ flavour, clock });
    await panel.setOutage('lost-answer');
    const row = await panel.daemon.create(server);
    await eventually(() => row.successful);
    await daemon.stop();
    await panel.setOutage(undefined);
    clock.advance(HOUR);
    const { call } = await start(clock);
    await owesNothing(call);
    expect(row.successful).toBe(true);
  },
);

test.each(['pterodactyl', 'calagopus'] as const)(
  'a restore that ended while the panel was away frees its server when it is back (%s)',
  async (flavour) => {
    const clock = new StillClock();
    const { panel, server, daemon, start, call } = await openPanelSite({ flavour, clock });
    const row = await panel.daemon.create(server);
    await eventually(() => row.successful);
    await panel.setOutage('refuse');
    await panel.daemon.restore(row, { truncate: true });
    panel.commit();
    await eventually(async () => {
      const { jobs } = (await call('/api/jobs')).body as { jobs: { kind: string; state: string }[] };
      return jobs.some(({ kind, state }) => kind === 'restore' && state === 'done');
    });
    await daemon.stop();
    clock.advance(3 * HOUR);
    await panel.setOutage(undefined);
    expect(server.status).toBe('restoring_backup');
    await start(clock);
    await eventually(() => server.status === null);
    expect(panel.effective(/\/restore$/)).toBe(1);
  },
);
