/**
 * A daemon of 0.1.0 that is stopped for an upgrade while it makes a backup, and this version in its place. The daemon is built
 * from this repository's history. test/e2e/upgrade.test.ts has what such a daemon leaves when it is killed.
 */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { type DaemonProcess, startDaemon } from '../support/daemon-process.ts';
import { directoryManifest } from '../support/directory-manifest.ts';
import { earlierVersion } from '../support/earlier-version.ts';

const earlier = earlierVersion();
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

/** A daemon of 0.1.0 with one complete backup, and a second that runs and takes some seconds. */
async function duringABackup() {
  const host = await scratchHost('backups: { write_limit: 2 }');
  fs.writeFileSync(join(host.server, 'world.bin'), randomBytes(4_000_000));
  const before = directoryManifest(host.server, { owners: false });
  const older = await startDaemon(host, {
    main: 'directory' in earlier ? join(earlier.directory, 'dist/main.js') : '',
  });
  const first = (await older.call(BACKUPS, { body: { name: 'first' } })).body as { readonly id: string };
  fs.writeFileSync(join(host.server, 'more.bin'), randomBytes(4_000_000));
  const second = older.call(BACKUPS, { body: { name: 'second' } }).catch(() => undefined);
  await running(older);
  return { host, older, first, second, before };
}

async function running({ call }: DaemonProcess): Promise<void> {
  for (;;) {
    const { body } = await call(BACKUPS);
    const [newest] = body as readonly { readonly name: string; readonly status: string }[];
    if (newest?.name === 'second' && newest.status === 'IN_PROGRESS') return;
    await new Promise(setImmediate);
  }
}

test.skipIf('missing' in earlier).each([
  ['stopped as systemd does it', 'SIGTERM', { status: 'COMPLETED' }],
  ['killed', 'SIGKILL', { status: 'FAILED', error: { code: 'interrupted' } }],
] as const)(
  `a daemon of 0.1.0 that is %s during a backup leaves this version what it can list, verify and restore${'missing' in earlier ? ` (skipped: ${earlier.missing})` : ''}`,
  async (_, signal, second) => {
    const { host, older, first, second: answered, before } = await duringABackup();
    process.kill(older.pid, signal);
    await Promise.all([older.gone, answered]);
    const { call } = await runDaemonOn(host);
    const { body } = await call(BACKUPS);
    expect(body).toMatchObject([
      { name: 'second', ...second },
      { id: first.id, name: 'first', status: 'COMPLETED' },
    ]);
    for (const { id, status } of body as readonly { readonly id: string; readonly status: string }[]) {
      if (status === 'COMPLETED') {
        expect((await call(`${BACKUPS}/${id}/verify`, { method: 'POST' })).status).toBe(200);
      }
    }
    // The older one is byte for byte what its daemon recorded.
    const archive = fs.readFileSync(join(host.backups, GAME_SERVER, `${first.id}.tar.gz`));
    const [, old] = body as readonly { readonly checksum: string }[];
    expect(createHash('sha256').update(archive).digest('hex')).toBe(old?.checksum);
    const restored = await call(`${BACKUPS}/restore?id=${first.id}`, { body: { truncate: true, force: true } });
    expect(restored).toMatchObject({ status: 200, body: { success: true } });
    expect(directoryManifest(host.server, { owners: false })).toEqual(before);
    expect((await call(BACKUPS, { body: { name: 'third' } })).status).toBe(201);
  },
);
