import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../cli/run.ts';
import { GAME_SERVER, type Host, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { storedNames } from '../support/stored-archive.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

interface Told {
  readonly id: string;
  readonly code: string;
  readonly error: string;
}

/** The same servers and store, with a state directory of its own, as a second Roost has it. */
async function secondOf(host: Host, more = ''): Promise<Host & { readonly file: string }> {
  const directory = await scratchDirectory();
  const config = host.config.replace(join(host.directory, 'state'), join(directory, 'state')) + more;
  const file = join(directory, 'config.yml');
  await writeFile(file, config, { mode: 0o600 });
  return { ...host, config, file };
}

function kept(host: Host): readonly string[] {
  return storedNames(host.backups, GAME_SERVER);
}

describe('two daemons on one directory', () => {
  test('the second is refused while the first runs and after it, and lets nothing of it go', async () => {
    const host = await scratchHost();
    const first = await runDaemonOn(host);
    expect((await first.call(BACKUPS, { body: {} })).status).toBe(201);
    const before = kept(host);
    const other = await secondOf(host, 'retention: { keep_last: 1 }\n');
    const second = await runDaemonOn(other);
    const refused = await second.call(BACKUPS, { body: {} });
    expect(refused.status).toBe(503);
    const { code, error } = refused.body as Told;
    expect([code, error]).toEqual([
      'store_unreachable',
      expect.stringMatching(/belongs to another node \([0-9a-f-]{36}\)/),
    ]);
    expect((await first.call(BACKUPS, { body: {} })).status).toBe(201);
    await first.daemon.stop();
    expect((await second.call(BACKUPS, { body: {} })).status).toBe(503);
    expect(kept(host)).toEqual(expect.arrayContaining([...before]));
    const examined = await run(['doctor', '--config', other.file, '--json']);
    expect(examined.stdout).toMatch(/belongs to another node \([0-9a-f-]{36}\)/);
  });

  test('the doctor names a store that another Roost holds now', async () => {
    const host = await scratchHost();
    const first = await runDaemonOn(host);
    const other = await secondOf(host);
    const id = /"(?:id|store)":"([^"]+)"/.exec(await markerText(host))?.[1] ?? '';
    const adopting = other.config.replace('type: local,', `type: local, adopt: ${id},`);
    await writeFile(other.file, adopting, { mode: 0o600 });
    const examined = await run(['doctor', '--config', other.file, '--json']);
    expect(examined.stdout).toContain('another Roost uses it now');
    await first.daemon.stop();
    expect((await run(['doctor', '--config', other.file, '--json'])).stdout).not.toContain('another Roost uses it now');
  });

  test('commands on the state are refused a store of another node, and take it over with adopt', async () => {
    const host = await scratchHost();
    const first = await runDaemonOn(host);
    const { id: backup } = (await first.call(BACKUPS, { body: {} })).body as Told;
    const other = await secondOf(host);
    await first.daemon.stop();
    const refused = await run(['catalogue', 'rebuild', '--config', other.file]);
    expect(refused.exitCode).not.toBe(0);
    const adopt = /adopt: ([0-9a-f-]{36})/.exec(refused.stderr)?.[1] ?? '';
    const adopting = { ...other, config: other.config.replace('type: local,', `type: local, adopt: ${adopt},`) };
    await writeFile(other.file, adopting.config, { mode: 0o600 });
    const rebuilt = await run(['catalogue', 'rebuild', '--config', other.file, '--json']);
    expect(rebuilt.json()).toMatchObject({ stores: [{ store: 'local', adopted: 1 }] });
    const taker = await runDaemonOn(adopting);
    expect((await taker.call(BACKUPS)).body).toMatchObject([{ id: backup }]);
    await taker.daemon.stop();
    // The node from before sees that its store was taken.
    const former = await runDaemonOn(host);
    const { error } = (await former.call(BACKUPS, { body: {} })).body as Told;
    expect(error).toContain('it is marked as another store');
  });
});

test('a daemon that lost its state uses its store again', async () => {
  const host = await scratchHost();
  const first = await runDaemonOn(host);
  expect((await first.call(BACKUPS, { body: {} })).status).toBe(201);
  await first.daemon.stop();
  await rm(join(host.directory, 'state'), { recursive: true });
  const again = await runDaemonOn(host);
  expect((await again.call(BACKUPS, { body: {} })).status).toBe(201);
  expect(kept(host).filter((name) => name.endsWith('.tar.gz'))).toHaveLength(2);
});

async function markerText(host: Host): Promise<string> {
  return readFile(join(host.backups, '.roost-store'), 'utf8');
}
