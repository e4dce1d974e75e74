/** A whole daemon and what it tells and asks a panel, over real connections. */
import { expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { openPanel, type PanelFlavour } from '../support/panel/panel.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

async function scene(flavour: PanelFlavour, more = '') {
  const panel = await openPanel({ flavour, commitAfter: 200 });
  const server = panel.addServer(GAME_SERVER, { name: 'Survival', suspended: false });
  const { tokenId, token } = panel.node;
  const about = `flavour: ${flavour}, url: "${panel.url}", token_id: "${tokenId}", token: "${token}"`;
  return { panel, server, host: await scratchHost(`panel: { ${about}${more} }`) };
}

test.each(['pterodactyl', 'pelican', 'calagopus'] as const)(
  '%s: a backup and its restore are asked for and reported',
  async (flavour) => {
    const { panel, server, host } = await scene(flavour);
    const { url, call } = await runDaemonOn(host);
    panel.daemon.url = url;
    const row = await panel.daemon.create(server);
    await eventually(() => row.successful);
    const { body } = await call(`${BACKUPS}/${row.uuid}`);
    const backup = body as { readonly checksum: string; readonly size: number };
    expect(row).toMatchObject({ checksum: `sha256:${backup.checksum}`, bytes: backup.size });
    await panel.daemon.restore(row);
    await eventually(() => panel.effective(/\/restore$/) === 1);
    expect(server.status).toBeNull();
    expect(panel.effective(/\/backups\/[^/]+$/)).toBe(1);
  },
);

test('its servers’ names and suspensions are the panel’s, a while after the panel is there', async () => {
  const { panel, server, host } = await scene('pelican');
  server.suspended = true;
  await panel.setOutage(500);
  const { call } = await runDaemonOn(host);
  expect((await call(`/api/servers/${GAME_SERVER}`)).body).toMatchObject({ name: '11111111', suspended: false });
  await panel.setOutage(undefined);
  await eventually(async () => (await call(`/api/servers/${GAME_SERVER}`)).body['suspended'] === true);
  expect((await call(`/api/servers/${GAME_SERVER}`)).body).toMatchObject({ name: 'Survival' });
});

test('the panel’s servers are reset by the node that owns that, and by no other', async () => {
  const owner = await scene('pterodactyl', ', owns_reset: true');
  owner.server.status = 'restoring_backup';
  await runDaemonOn(owner.host);
  await eventually(() => owner.server.status === null);
  const other = await scene('pterodactyl');
  await runDaemonOn(other.host);
  await other.panel.untilCalls(1, 'GET', /\/servers$/);
  expect(other.panel.callsTo('POST', /\/reset$/)).toEqual([]);
});

test('what the panel refused is shown, and arrives after a retry; what nobody wants is dropped', async () => {
  const { panel, server, host } = await scene('pterodactyl');
  const { url, call } = await runDaemonOn(host);
  panel.daemon.url = url;
  await panel.setOutage(410);
  const [one, two] = [await panel.daemon.create(server), await panel.daemon.create(server)];
  await eventually(async () => (await call('/api/system')).body['panelReports']['parked'] === 2);
  const { body } = await call('/api/panel/reports');
  const { reports } = body as { readonly reports: readonly { readonly id: number; readonly backup: string }[] };
  expect(reports).toMatchObject([
    { backup: one.uuid, state: 'parked', error: { message: expect.stringContaining('410') } },
    { backup: two.uuid, state: 'parked' },
  ]);
  await panel.setOutage(undefined);
  expect((await call(`/api/panel/reports/${reports[0]?.id}`, { method: 'DELETE' })).body).toEqual({
    dropped: reports[0]?.id,
  });
  expect((await call('/api/panel/reports/retry', { method: 'POST' })).body).toEqual({ retried: 1 });
  await eventually(() => two.successful);
  await eventually(async () => (await call('/api/system')).body['panelReports']['pending'] === 0);
  expect(one.successful).toBe(false);
});

test('a new token of the node brings what the panel refused for the old one', async () => {
  const { panel, server, host } = await scene('pterodactyl');
  const { url, call } = await runDaemonOn(host);
  panel.daemon.url = url;
  await panel.setOutage(410);
  const row = await panel.daemon.create(server);
  await eventually(async () => (await call('/api/system')).body['panelReports']['parked'] === 1);
  await panel.setOutage(undefined);
  const before = panel.rotate();
  const { tokenId: token_id, token } = panel.node;
  const pushed = await fetch(`${url}/api/update`, {
    method: 'POST',
    headers: { authorization: `Bearer ${before.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ token_id, token }),
  });
  expect(pushed.status).toBe(200);
  await eventually(() => row.successful);
});
