import fs from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { directoryManifest } from '../support/directory-manifest.ts';
import { tarEntries } from '../support/tar-entries.ts';
import { storedArchive } from '../support/stored-archive.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

/** What only the tree itself and no tar of files can say. */
function furnish(server: string): void {
  fs.mkdirSync(join(server, 'empty'));
  fs.mkdirSync(join(server, 'closed'), { mode: 0o700 });
  fs.symlinkSync('world/level.dat', join(server, 'current'));
  fs.linkSync(join(server, 'eula.txt'), join(server, 'world', 'eula again.txt'));
  fs.utimesSync(join(server, 'empty'), 1_600_000_000, 1_600_000_000);
}

async function archived() {
  const host = await scratchHost('backups: { wings_readable: true }');
  furnish(host.server);
  const node = await runDaemonOn(host);
  const { status, body } = await node.call(BACKUPS, { body: {} });
  expect(status).toBe(201);
  const { id } = body as { id: string };
  const file = (extension: string): string => join(host.backups, GAME_SERVER, `${id}.${extension}`);
  const restore = async () => {
    const answer = await node.call(`${BACKUPS}/restore?id=${id}`, { body: { truncate: true } });
    expect(answer).toMatchObject({ status: 200, body: { success: true } });
  };
  return { ...node, host, id, file, restore };
}

test('a backup for a stock Wings holds files alone, and restores to the whole tree', async () => {
  const { host, id, restore } = await archived();
  const entries = tarEntries(gunzipSync(storedArchive(host.backups, GAME_SERVER, id)));
  expect(entries.map(({ path, type }) => [path, type])).toEqual([
    ['eula.txt', 'file'],
    ['world/eula again.txt', 'file'],
    ['world/level.dat', 'file'],
  ]);
  const before = directoryManifest(host.server);
  fs.rmSync(join(host.server, 'empty'), { recursive: true });
  fs.rmSync(join(host.server, 'current'));
  await restore();
  expect(directoryManifest(host.server)).toEqual(before);
});

test.each(['is lost', 'is damaged'])(
  'it restores to the whole tree when the index %s, also once it was locked',
  async (how) => {
    const { host, call, file, id, restore } = await archived();
    const before = directoryManifest(host.server);
    // Writes the manifest again.
    expect((await call(`${BACKUPS}/lock?id=${id}`, { method: 'PATCH', body: { locked: true } })).status).toBe(200);
    if (how === 'is lost') fs.rmSync(file('index'));
    else fs.writeFileSync(file('index'), fs.readFileSync(file('index')).subarray(1));
    const { status, body } = await call(`${BACKUPS}/${id}/files?path=`);
    if (how === 'is lost') {
      expect(status).toBe(200);
      expect((body as { entries: { name: string }[] }).entries.map(({ name }) => name)).toContain('empty');
    }
    fs.rmSync(join(host.server, 'closed'), { recursive: true });
    await restore();
    expect(directoryManifest(host.server)).toEqual(before);
  },
);
