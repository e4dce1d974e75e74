/** What the daemon of a released version left on disk, opened by this one. test/fixtures/make.ts made it. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CATALOGUE_NAME } from '../../src/catalogue/contract.ts';
import { MIGRATIONS } from '../../src/catalogue/sqlite/migrate.ts';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { directoryManifest } from '../support/directory-manifest.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

interface Expected {
  readonly backups: Readonly<Record<'first' | 'second', { readonly id: string; readonly tree: readonly string[] }>>;
}

/** A host whose state and store a daemon of that version left when it was killed, with an empty server. */
async function hostOf(version: string) {
  const host = await scratchHost();
  fs.rmSync(host.server, { recursive: true });
  fs.mkdirSync(host.server);
  const fixture = fileURLToPath(new URL(`../fixtures/${version}.tar.gz`, import.meta.url));
  execFileSync('tar', ['-xzf', fixture, '-C', host.directory, '--no-same-owner']);
  const { backups } = JSON.parse(fs.readFileSync(join(host.directory, 'expected.json'), 'utf8')) as Expected;
  return { host, first: backups.first, second: backups.second };
}

async function upgraded() {
  const { host, first, second } = await hostOf('0.1.0');
  const node = await runDaemonOn(host);
  const restore = async (id: string) => {
    const answer = await node.call(`${BACKUPS}/restore?id=${id}`, { body: { truncate: true } });
    expect(answer).toMatchObject({ status: 200, body: { success: true } });
    return directoryManifest(host.server, { owners: false });
  };
  // It was made with `logs/` ignored.
  const secondTree = second.tree.filter((line) => !line.startsWith('logs'));
  return { ...node, host, restore, first, second: { id: second.id, tree: secondTree } };
}

test('the backups of 0.1.0 are listed: completed, locked, failed, and the one that its end cut off', async () => {
  const { call, host, first, second } = await upgraded();
  const { status, body } = await call(BACKUPS);
  expect(status).toBe(200);
  expect(body).toMatchObject([
    { name: 'unfinished', status: 'FAILED', error: { code: 'interrupted' } },
    { name: 'too large', status: 'FAILED', error: { code: 'too_large' } },
    { id: second.id, name: 'second', status: 'COMPLETED', isLocked: false, ignoredFiles: ['logs/'] },
    { id: first.id, name: 'first', status: 'COMPLETED', isLocked: true, ignoredFiles: [] },
  ]);
  const store = fs.readdirSync(join(host.backups, GAME_SERVER)).sort();
  const kept = [first.id, second.id].flatMap((id) => [`${id}.index`, `${id}.json`, `${id}.tar.gz`]);
  expect(store).toEqual(kept.sort());
});

test.each(['first', 'second'] as const)(
  'the %s backup of 0.1.0 is intact and restores to the tree it was',
  async (name) => {
    const { call, restore, [name]: backup } = await upgraded();
    const verified = await call(`${BACKUPS}/${backup.id}/verify`, { method: 'POST' });
    expect(verified).toMatchObject({ status: 200 });
    expect(await restore(backup.id)).toEqual(backup.tree);
  },
);

// A segment of directories, links and headers alone is told by modes, owners and times, which this fixture has from root.
test.skipIf(process.getuid?.() !== 0)(
  'a new backup copies what it can from the archive of 0.1.0, and restores to the same tree (skipped unless root)',
  async () => {
    const { call, restore, second } = await upgraded();
    await restore(second.id);
    const { status, body } = await call(BACKUPS, { body: { name: 'third' } });
    expect(status).toBe(201);
    const { id, reusedBytes } = body as { id: string; reusedBytes: number };
    expect(reusedBytes).toBeGreaterThan(0);
    expect(await restore(id)).toEqual(second.tree);
  },
);

test('the locked backup of 0.1.0 stays locked, and the catalogue has the form of this version', async () => {
  const { call, daemon, host, first } = await upgraded();
  expect((await call(`${BACKUPS}/delete?id=${first.id}`, { method: 'DELETE' })).status).toBe(403);
  await daemon.stop();
  using catalogue = new DatabaseSync(join(host.directory, 'state', CATALOGUE_NAME), { readOnly: true });
  expect(catalogue.prepare('SELECT number FROM migrations ORDER BY number').all()).toEqual(
    MIGRATIONS.map(({ number }) => ({ number })),
  );
  expect(catalogue.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  expect(catalogue.prepare('SELECT count(*) AS open FROM jobs WHERE ended_at IS NULL').get()).toEqual({ open: 0 });
});
