import { describe, expect, test } from 'vitest';
import { join } from 'node:path';
import { openCatalogue } from '../../../src/catalogue/catalogue.ts';
import { inspectCatalogue } from '../../../src/catalogue/inspect.ts';
import { checkBackups } from '../../../src/policy/health/backups.ts';
import { judgeProtection } from '../../../src/policy/health/protection.ts';
import { parseConfig } from '../../../src/config/config.ts';
import { backupId, completed, newBackup, serverId } from '../../support/catalogue-rows.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { StillClock } from '../../support/still-clock.ts';

const SCHEDULED = 'schedules: [ { server: "*", cron: "0 4 * * *" } ]\nlimits: { per_server: 3 }\n';
const SUSPECT = { reason: 'empty', message: 'It holds no files', files: 0, bytes: 0, baseline: null } as const;

async function examined(count: number, config = '') {
  const clock = new StillClock();
  const path = join(await scratchDirectory(), 'catalogue.sqlite');
  const catalogue = openCatalogue(path, clock);
  for (let number = 1; number <= count; number++) {
    catalogue.backups.insert(newBackup(number));
    catalogue.backups.complete(backupId(number), completed({ suspect: number === 99 ? SUSPECT : null }));
  }
  const findings = () =>
    checkBackups(parseConfig('c.yml', config, {}), inspectCatalogue(path), clock.now()).map(
      ({ level, message }) => `${level}: ${message}`,
    );
  return { catalogue, clock, findings, path };
}

describe('the doctor on backups', () => {
  test('finds nothing where all is well', async () => {
    const { catalogue, findings } = await examined(2);
    expect(findings()).toEqual(['ok: None is damaged, suspect or dated in the future']);
    catalogue.close();
  });

  test('names damaged, suspect and future-dated ones', async () => {
    const { catalogue, findings, clock } = await examined(1);
    catalogue.backups.markDamaged(backupId(1));
    catalogue.backups.insert(newBackup(2));
    catalogue.backups.complete(backupId(2), completed({ suspect: SUSPECT }));
    const ahead = { ...catalogue.backups.get(backupId(2)), id: backupId(3), suspect: null };
    catalogue.backups.adopt({ ...ahead, createdAt: clock.now() + 2 * 86_400_000 });
    expect(findings()).toEqual([
      `fault: 1 backup is damaged: ${backupId(1)} of ${serverId(1)}`,
      `warning: 1 backup is suspect: ${backupId(2)} of ${serverId(1)}`,
      `warning: 1 backup is dated in the future: ${backupId(3)} of ${serverId(1)}`,
    ]);
    catalogue.close();
  });

  test('takes one whose deletion failed half-way for damaged, and its server for unprotected', async () => {
    const { catalogue, findings, path } = await examined(1);
    catalogue.backups.markRemoving(backupId(1));
    expect(findings()).toEqual([`fault: 1 backup is damaged: ${backupId(1)} of ${serverId(1)}`]);
    const [history = []] = inspectCatalogue(path)?.histories.values() ?? [];
    expect(judgeProtection(history, undefined, Date.UTC(2026, 0, 2)).lastGood).toBeUndefined();
    catalogue.close();
  });

  test('tells of servers at their limit where scheduled backups are refused, and not where retention makes room', async () => {
    const refused = `fault: 1 server is at its limit (limits.per_server, limits.server_bytes): scheduled backups are refused: ${serverId(1)}`;
    const full = await examined(3, SCHEDULED);
    expect(full.findings()).toEqual([refused]);
    full.catalogue.close();
    for (const config of [`${SCHEDULED}retention: { keep_last: 3 }`, 'limits: { per_server: 3 }']) {
      const { catalogue, findings } = await examined(3, config);
      expect(findings()[0]).toMatch(/^ok/);
      catalogue.close();
    }
    const bytes = await examined(
      3,
      `${SCHEDULED}limits: { per_server: 0, server_bytes: 3000 }`.replace('limits: { per_server: 3 }\n', ''),
    );
    expect(bytes.findings()).toEqual([refused]);
    bytes.catalogue.close();
  });
});
