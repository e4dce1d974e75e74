/** A whole daemon that restores from an archive whose bytes are no longer those that were stored. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, type RunningDaemon, scratchHost } from '../../support/daemon.ts';
import { archiveFile } from '../../support/stored-archive.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

interface Damaged {
  readonly daemon: RunningDaemon;
  readonly id: string;
  /** Puts the right bytes back. */
  readonly repair: () => Promise<void>;
  readonly manifest: () => Promise<string>;
}

async function withDamage(): Promise<Damaged> {
  const host = await scratchHost();
  const daemon = await runDaemonOn(host);
  const { id } = (await daemon.call(BACKUPS, { method: 'POST' })).body as { readonly id: string };
  const archive = archiveFile(host.backups, GAME_SERVER, id);
  const whole = await readFile(archive);
  const bent = Buffer.from(whole);
  bent.fill(0x55, bent.length >> 1, (bent.length >> 1) + 16);
  await writeFile(archive, bent);
  return {
    daemon,
    id,
    repair: () => writeFile(archive, whole),
    manifest: () => readFile(join(host.backups, GAME_SERVER, `${id}.json`), 'utf8'),
  };
}

async function restore({ call }: RunningDaemon, id: string, body: object = { truncate: true }) {
  const { status, body: answer } = await call(`${BACKUPS}/restore?id=${id}`, { body });
  return { status, ...(answer as { readonly error: string; readonly code: string }) };
}

test('a restore that finds damage marks the backup: the next one is refused at once', async () => {
  const { daemon, id, repair, manifest } = await withDamage();
  expect(await manifest()).not.toMatch(/"damagedAt":\d/);
  expect(await restore(daemon, id)).toMatchObject({ status: 422, code: 'archive_damaged' });
  expect(await manifest()).toMatch(/"damagedAt":\d/);
  const jobs = async (): Promise<number> => {
    const { jobs: list } = (await daemon.call('/api/jobs')).body as { readonly jobs: readonly unknown[] };
    return list.length;
  };
  const before = await jobs();
  expect((await restore(daemon, id)).error).toContain('was found damaged');
  expect(await jobs()).toBe(before);

  await repair();
  expect((await daemon.call(`${BACKUPS}/${id}/verify`, { method: 'POST' })).status).toBe(200);
  expect(await restore(daemon, id)).toMatchObject({ status: 200 });
});
