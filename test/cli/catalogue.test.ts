import { chown, cp, link, lstat, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost, type Host } from '../support/daemon.ts';
import { run } from './run.ts';
import { archiveFile } from '../support/stored-archive.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

interface Site extends Host {
  readonly file: string;
  /** The list of backups as the API gave it. */
  readonly list: readonly { readonly id: string }[];
}

/** A host with two backups, one of them locked, whose daemon has stopped. */
async function site(): Promise<Site> {
  const host = await scratchHost();
  const file = join(host.directory, 'config.yml');
  await writeFile(file, host.config, { mode: 0o600 });
  const { daemon, call } = await runDaemonOn(host);
  await call(BACKUPS, { body: { name: 'first', ignore: ['*.log'] } });
  await call(BACKUPS, { body: { name: 'second', locked: true } });
  const list = (await call(BACKUPS)).body as Site['list'];
  await daemon.stop();
  return { ...host, file, list };
}

async function listed(host: Host): Promise<unknown> {
  const { daemon, call } = await runDaemonOn(host);
  const { body } = await call(BACKUPS);
  await daemon.stop();
  return body;
}

describe('roost catalogue rebuild', () => {
  test('makes the same list from the manifests alone', async () => {
    const host = await site();
    await rm(join(host.directory, 'state'), { recursive: true });
    const ran = await run(['catalogue', 'rebuild', '--config', host.file, '--json']);
    expect([ran.exitCode, ran.json()]).toEqual([0, { stores: [{ store: 'local', adopted: 2, passedOver: [] }] }]);
    expect(await listed(host)).toEqual(host.list);
  });

  test('takes a backup from where new ones go, and what another store holds for its copy', async () => {
    const host = await site();
    const far = join(host.directory, 'far');
    await cp(host.backups, far, { recursive: true });
    await rm(join(far, '.roost-store'));
    await rm(join(host.directory, 'state'), { recursive: true });
    const two = host.config.replace('stores: {', `stores: { a-far-one: { type: local, directory: ${far} },`);
    await writeFile(host.file, two, { mode: 0o600 });
    const ran = await run(['catalogue', 'rebuild', '--config', host.file, '--json']);
    expect(ran.json()).toMatchObject({
      stores: [
        { store: 'local', adopted: 2 },
        { store: 'a-far-one', adopted: 0 },
      ],
    });
  });

  test.skipIf(process.geteuid?.() !== 0)(
    'run by root, leaves everything to the user of the daemon (skipped unless root)',
    async () => {
      const host = await site();
      const [state, other] = [join(host.directory, 'state'), join(host.directory, 'other')];
      await chown(state, 1234, 1235);
      await writeFile(other, 'of root, with a name elsewhere');
      await link(other, join(state, 'linked'));
      await symlink(other, join(state, 'leads-out'));
      expect((await run(['catalogue', 'rebuild', '--config', host.file])).exitCode).toBe(0);
      const owners = async (directory: string): Promise<Record<string, string>> => {
        const names = await readdir(directory, { recursive: true });
        const shown = async (name: string) => {
          const { uid, gid } = await lstat(join(directory, name));
          return [name, `${uid}:${gid}`] as const;
        };
        return Object.fromEntries(await Promise.all(names.map(shown)));
      };
      const { linked, 'leads-out': leadsOut, ...ofState } = await owners(state);
      expect([linked, leadsOut]).toEqual(['0:0', '0:0']);
      expect(Object.keys(ofState)).toContain('catalogue.sqlite');
      expect(new Set([...Object.values(ofState), ...Object.values(await owners(host.backups))])).toEqual(
        new Set(['1234:1235']),
      );
    },
  );

  test('sets the old catalogue aside, and tells where it is', async () => {
    const host = await site();
    const ran = await run(['catalogue', 'rebuild', '--config', host.file]);
    expect(ran).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^local: 2 backups\nThe catalogue from/) });
    const old = /is (\S+)\n/.exec(ran.stdout)?.[1] ?? '';
    expect((await readFile(old)).subarray(0, 15).toString()).toBe('SQLite format 3');
    expect(await listed(host)).toEqual(host.list);
  });

  test('names a manifest that does not fit, and takes the others', async () => {
    const host = await site();
    const [{ id } = { id: '' }] = host.list;
    await writeFile(archiveFile(host.backups, GAME_SERVER, id), 'short');
    const ran = await run(['catalogue', 'rebuild', '--config', host.file]);
    expect([ran.exitCode, ran.stdout]).toEqual([3, expect.stringContaining('local: 1 backup')]);
    expect(ran.stderr).toContain(`${id}.json does not fit`);
  });

  test('changes nothing while a daemon runs, or with a store away', async () => {
    const host = await site();
    const { daemon } = await runDaemonOn(host);
    const running = await run(['catalogue', 'rebuild', '--config', host.file]);
    expect([running.exitCode, running.stderr]).toEqual([1, expect.stringContaining('another Roost')]);
    await daemon.stop();
    await rename(host.backups, `${host.backups}.away`);
    const away = await run(['catalogue', 'rebuild', '--config', host.file]);
    expect([away.exitCode, away.stderr]).toEqual([1, expect.stringContaining('Is its disk mounted?')]);
    await rename(`${host.backups}.away`, host.backups);
    expect((await readdir(join(host.directory, 'state'))).filter((name) => name.includes('.old-'))).toEqual([]);
    expect(await listed(host)).toEqual(host.list);
  });
});

describe('a daemon whose catalogue is damaged', () => {
  test('starts with the same list, and keeps the damaged file', async () => {
    const host = await site();
    const path = join(host.directory, 'state', 'catalogue.sqlite');
    const bytes = await readFile(path);
    bytes.fill(0x5a, 100, 3000);
    await writeFile(path, bytes);
    expect(await listed(host)).toEqual(host.list);
    const kept = (await readdir(join(host.directory, 'state'))).filter((name) => name.includes('.old-'));
    expect(kept).toHaveLength(1);
    expect((await readFile(join(host.directory, 'state', kept[0] ?? ''))).equals(bytes)).toBe(true);
    expect(await listed(host)).toEqual(host.list);
  });
});
