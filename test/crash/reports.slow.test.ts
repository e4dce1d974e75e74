/**
 * The daemon, killed with SIGKILL between the end of a backup and the panel's answer, and at random moments before and
 * after: what the panel believes in the end is what the node has, and it was told so once.
 */
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { GAME_SERVER, scratchHost } from '../support/daemon.ts';
import { type DaemonProcess, startDaemon } from '../support/daemon-process.ts';
import { eventually } from '../support/eventually.ts';
import { openPanel, type Outage, type Panel, type PanelBackup, type PanelFlavour } from '../support/panel/panel.ts';
import { storedArchive } from '../support/stored-archive.ts';

const ROUNDS = 10;
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

interface Known {
  readonly id: string;
  readonly status: string;
  readonly checksum: string | null;
  readonly size: number;
}

async function scene(flavour: PanelFlavour) {
  const panel = await openPanel({ flavour, commitAfter: 100 });
  const server = panel.addServer(GAME_SERVER);
  const { tokenId, token } = panel.node;
  const section = `panel: { flavour: ${flavour}, url: "${panel.url}", token_id: "${tokenId}", token: "${token}" }`;
  const host = await scratchHost(section);
  const start = async (): Promise<DaemonProcess> => {
    const daemon = await startDaemon(host);
    panel.daemon.url = daemon.url;
    return daemon;
  };
  return { panel, server, host, start };
}

async function known({ call }: DaemonProcess): Promise<ReadonlyMap<string, Known>> {
  const { body } = await call(BACKUPS);
  return new Map((body as readonly Known[]).map((backup) => [backup.id, backup]));
}

async function untilCompleted(daemon: DaemonProcess, { uuid }: PanelBackup): Promise<Known> {
  return eventually(async () => {
    const backup = (await known(daemon)).get(uuid);
    return backup?.status === 'COMPLETED' ? backup : undefined;
  });
}

function reportsOf({ uuid }: PanelBackup): RegExp {
  return new RegExp(`/backups/${uuid}$`);
}

async function untilEnded(panel: Panel, row: PanelBackup): Promise<void> {
  await eventually(() => panel.rows.backups.get(row.uuid)?.completedAt);
}

test.each<[string, Outage]>([
  ['refuses connections', 'refuse'],
  ['never answers', 'hang'],
  ['takes it, and its answer is lost', 'lost-answer'],
])('killed while the panel %s: the next start tells it, once', async (_, outage) => {
  const { panel, server, host, start } = await scene('pterodactyl');
  const first = await start();
  const row = await panel.daemon.create(server);
  panel.commit();
  await panel.setOutage(outage);
  const made = await untilCompleted(first, row);
  await first.kill();
  await panel.setOutage(undefined);
  const second = await start();
  await untilEnded(panel, row);
  await eventually(async () => {
    const { body } = await second.call('/api/panel/reports');
    return (body as { readonly reports: readonly unknown[] }).reports.length === 0;
  });
  expect(panel.rows.backups.get(row.uuid)).toMatchObject({
    successful: true,
    checksum: `sha256:${made.checksum ?? ''}`,
    bytes: made.size,
  });
  expect(panel.effective(reportsOf(row))).toBe(1);
  const archive = storedArchive(host.backups, GAME_SERVER, row.uuid);
  expect(createHash('sha256').update(archive).digest('hex')).toBe(made.checksum);
  await second.kill();
});

test('killed at any moment: the panel ends up believing what the node has', async () => {
  const { panel, server, host, start } = await scene('pelican');
  const rows: PanelBackup[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await writeFile(join(host.server, 'world', `${round}.dat`), randomBytes(4_000_000));
    const daemon = await start();
    const row = await panel.daemon.create(server);
    rows.push(row);
    // A backup of this size and its report take some tenths of a second.
    await delay(randomInt(600));
    await daemon.kill();
  }
  const daemon = await start();
  for (const row of rows) await untilEnded(panel, row);
  const backups = await known(daemon);
  for (const { uuid, successful, checksum, bytes } of rows) {
    const backup = backups.get(uuid);
    expect(backup?.status).toBe(successful ? 'COMPLETED' : 'FAILED');
    if (successful) expect([checksum, bytes]).toEqual([`sha256:${backup?.checksum ?? ''}`, backup?.size]);
  }
  expect(rows.filter((row) => row.successful && panel.effective(reportsOf(row)) !== 1)).toEqual([]);
  expect(rows).toHaveLength(ROUNDS);
  await daemon.kill();
});
