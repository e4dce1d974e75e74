/** The pictures of README.md, taken from the running product: `npm run pictures` puts them into docs/pictures. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runDaemonOn, scratchHost } from '../support/daemon.ts';
import { inChromium, nodeOn, signedIn } from './support/visitor.ts';

const SERVERS = [
  'survival-eu',
  'creative',
  'skyblock',
  'lobby-1',
  'valheim-friends',
  'rust-main',
  'factorio',
  'terraria',
];

inChromium('the pictures', () => {
  test('are drawn: a node whose servers have backups, but for one', async () => {
    const scratch = await scratchHost();
    const ids = SERVERS.map((_, at) => `${String(at + 1).repeat(8)}-1111-4111-8111-111111111111`);
    const list = SERVERS.map((name, at) => {
      const path = join(scratch.directory, 'games', name);
      mkdirSync(join(path, 'world'), { recursive: true });
      writeFileSync(join(path, 'world/level.dat'), Buffer.alloc(90_000 * (at + 1), name));
      return `{ id: ${ids[at]}, path: ${path}, name: ${name} }`;
    });
    const config = scratch.config
      .replace(/^servers: .*$/m, `servers: { list: [ ${list.join(', ')} ] }`)
      .concat('schedules: [ { server: "*", cron: "0 4 * * *", timezone: UTC } ]\n');
    const host = { ...scratch, config };
    const node = nodeOn(host, await runDaemonOn(host));
    for (const [at, id] of ids.entries()) {
      if (at === 1) continue;
      for (let made = 0; made < 5; made++) {
        writeFileSync(
          join(scratch.directory, 'games', SERVERS[at] ?? '', `log-${made}.txt`),
          'line\n'.repeat(4000 * made),
        );
        await node.call(`/api/servers/${id}/backups`, { body: {} });
      }
    }
    const { page } = await signedIn(node, '#/', { viewport: { width: 1180, height: 820 }, colorScheme: 'light' });
    await page.getByText('Protected', { exact: true }).first().waitFor();
    const target =
      process.env['PICTURES'] === undefined
        ? fileURLToPath(new URL('../../.browser/', import.meta.url))
        : fileURLToPath(new URL('../../docs/pictures/', import.meta.url));
    const picture = await page.screenshot({ path: join(target, 'overview.png') });
    expect(picture.length).toBeGreaterThan(20_000);
  });
});
