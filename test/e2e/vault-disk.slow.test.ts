/** V1: what nights of a played world take of the disk in a vault, and that each of them is whole. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diskBytes } from '../../bench/vault/disk.ts';
import { type Churn, World } from '../../bench/world.ts';
import { GAME_SERVER, LAYOUT, scratchHost } from '../support/daemon.ts';
import { startDaemon } from '../support/daemon-process.ts';

const WORLD = 96 * 2 ** 20;
const SEED = 1;
/** Of chunks and pages: three per cent of an archive. */
const SAVED = 0.031;
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

test.each([
  { nights: 30, keep: 30, churn: 'spatial', most: 2 },
  { nights: 30, keep: 30, churn: 'uniform', most: 2 },
  { nights: 90, keep: 30, churn: 'spatial', most: 2.15 },
] as const)(
  'V1: $keep of $nights nights, $churn, take at most $most times the disk of one, and each is whole',
  { timeout: 600_000 },
  async ({ nights, keep, churn, most }: { nights: number; keep: number; churn: Churn; most: number }) => {
    const host = await scratchHost();
    const config = host.config.replace(LAYOUT, '').replace('type: local,', 'type: local, layout: vault,');
    fs.rmSync(host.server, { recursive: true });
    const world = new World(host.server, WORLD, SEED, SAVED);
    const { call } = await startDaemon({ ...host, config }, { built: true });
    const made: { readonly id: string; readonly size: number }[] = [];
    let first = 0;
    let changed = 0;
    for (let night = 0; night < nights; night++) {
      if (night > 0) changed += world.play(churn);
      const { status, body } = await call(BACKUPS, { body: {} });
      expect(status).toBe(201);
      made.push(body);
      if (night === 0) first = diskBytes(host.backups);
      const gone = made[night - keep];
      if (gone === undefined) continue;
      expect((await call(`${BACKUPS}/delete?id=${gone.id}`, { method: 'DELETE' })).status).toBe(200);
    }
    // It waits for collections that are under way.
    expect((await call('/api/vaults/collect', { body: {} })).status).toBe(200);
    expect(changed / (nights - 1)).toBeGreaterThan(0.028 * (made[0]?.size ?? 0));
    expect(diskBytes(host.backups) / first).toBeLessThanOrEqual(most);
    expect(fs.readdirSync(join(host.backups, GAME_SERVER)).filter((name) => name.endsWith('.recipe'))).toHaveLength(
      keep,
    );
    for (const { id } of made.slice(-keep)) {
      expect((await call(`${BACKUPS}/${id}/verify`, { method: 'POST' })).status).toBe(200);
    }
  },
);
