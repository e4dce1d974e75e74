import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN } from '../support/daemon.ts';

const INNER = '22222222-2222-4222-8222-222222222222';
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

/** State, store, the store of copies, archives of a former daemon and another server, all inside one server. */
async function crowdedHost() {
  const host = await scratchHost();
  const inside = (name: string): string => join(host.server, name);
  for (const name of ['former', 'lobby']) {
    await mkdir(inside(name));
    await writeFile(join(inside(name), 'precious'), name);
  }
  const stores = `{ local: { type: local, directory: ${inside('backups')} }, second: { type: local, directory: ${inside('copies')} } }`;
  const config = host.config
    .replace(/storage: .*/, `storage: { default: local, copies: [second], stores: ${stores} }`)
    .replace(join(host.directory, 'state'), inside('state'))
    .replace(
      /servers: \{ root: (.*) \}\n/,
      `servers: { root: $1, list: [ { id: ${INNER}, path: ${inside('lobby')} } ] }\n`,
    );
  return { ...host, config: `${config}panel: { backup_directories: [${inside('former')}] }\n`, inside };
}

describe('a server that has all of Roost and another server inside it', () => {
  test.each<[string, (id: string) => [string, object]]>([
    ['native, merge', (id) => [`${BACKUPS}/restore?id=${id}`, {}]],
    ['native, truncate', (id) => [`${BACKUPS}/restore?id=${id}`, { truncate: true }]],
    ['native, truncate with paths', (id) => [`${BACKUPS}/restore?id=${id}`, { truncate: true, paths: ['world'] }]],
    ['native, keeping ignored', (id) => [`${BACKUPS}/restore?id=${id}`, { truncate: true, keepIgnored: true }]],
    ['client, its default', (id) => [`/api/client/servers/${GAME_SERVER}/backups/${id}/restore`, {}]],
  ])('keeps them in a restore: %s', async (_, request) => {
    const host = await crowdedHost();
    const { call, url } = await runDaemonOn(host);
    const other = await call(`/api/servers/${INNER}/backups`, { body: {} });
    expect(other.status).toBe(201);
    const created = await call(BACKUPS, { body: { ignore: ['*.log'] } });
    const { id } = created.body as { readonly id: string };
    await writeFile(join(host.server, 'world', 'level.dat'), 'griefed');
    const [path, body] = request(id);
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const restored = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(restored.status).toBeLessThan(300);
    await restored.arrayBuffer();
    // The client API answers before the restore has ended.
    await eventually(async () => {
      const { jobs } = (await call('/api/jobs?kind=restore')).body as { readonly jobs: readonly { state: string }[] };
      return jobs.every(({ state }) => state === 'done');
    });
    expect((await readFile(join(host.server, 'world', 'level.dat'))).length).toBe(200_000);
    for (const name of ['former', 'lobby']) {
      expect(await readFile(join(host.inside(name), 'precious'), 'utf8')).toBe(name);
    }
    expect((await readdir(host.inside('state'))).sort()).toContain('catalogue.sqlite');
    expect(await readdir(host.inside('copies'))).toContain('.roost-store');
    for (const [server, backup] of [
      [GAME_SERVER, id],
      [INNER, (other.body as { readonly id: string }).id],
    ]) {
      const verified = await call(`/api/servers/${server}/backups/${backup}/verify`, { method: 'POST' });
      expect(verified.status).toBe(200);
    }
    expect((await call(BACKUPS, { body: {} })).status).toBe(201);
  });
});
