/** V16: a program that was released before there were vaults meets one. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GAME_SERVER, LAYOUT, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { startDaemon } from '../support/daemon-process.ts';
import { earlierVersion } from '../support/earlier-version.ts';

const earlier = earlierVersion();
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

/** Every file of a directory, with its bytes' digest. */
function filesIn(directory: string): Readonly<Record<string, string>> {
  const names = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.filter((name) => fs.lstatSync(join(directory, name)).isFile());
  const digest = (name: string) => createHash('sha256').update(fs.readFileSync(join(directory, name)));
  return Object.fromEntries(files.map((name) => [name, digest(name).digest('hex')]));
}

test.skipIf('missing' in earlier)(
  `V16: a daemon of 0.1.0 refuses a vault and leaves it as it is${'missing' in earlier ? ` (skipped: ${earlier.missing})` : ''}`,
  async () => {
    const host = await scratchHost();
    const config = host.config.replace(LAYOUT, '');
    const vaulted = { ...host, config: config.replace('type: local,', 'type: local, layout: vault,') };
    const { call, daemon } = await runDaemonOn(vaulted);
    expect((await call(BACKUPS, { body: {} })).status).toBe(201);
    await daemon.stop();
    const before = filesIn(host.backups);
    expect(Object.keys(before).some((name) => name.endsWith('.recipe'))).toBe(true);
    const main = 'directory' in earlier ? join(earlier.directory, 'dist/main.js') : '';
    // With a state of its own: it does not read the catalogue of a later version.
    const state = config.replace(/^state_directory: .*$/m, `state_directory: ${join(host.directory, 'older')}`);
    const older = await startDaemon({ ...host, config: state }, { main }).catch(() => undefined);
    const answer = await older?.call(BACKUPS, { body: {} });
    expect(answer?.status ?? 'did not start').not.toBe(201);
    await older?.kill();
    expect(filesIn(host.backups)).toEqual(before);
    const again = await runDaemonOn(vaulted);
    expect((await again.call(BACKUPS, { body: {} })).status).toBe(201);
  },
);
