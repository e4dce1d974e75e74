import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { liveConfig } from '../../src/config/live.ts';

const read = (text: string) => parseConfig('config.yml', text, {});

const FIRST = `
tokens: [ { id: a, secret: the-first-secret-of-a, permissions: ["*"], servers: ["*"] } ]
limits: { per_server: 5 }
backups: { concurrent: 2, read_limit: 10 }
panel: { flavour: pelican, url: https://panel.test, token_id: id, token: the-first-token }
`;

describe('a configuration that is reloaded', () => {
  test('changes limits, rates, retention and verification where they are held already', () => {
    const { config, reload } = liveConfig(read(FIRST));
    const { limits, backups, retention, verification, restore } = config;
    const next = `${FIRST.replace('per_server: 5', 'per_server: 9').replace('read_limit: 10', 'read_limit: 3, workers: 4')}
retention: { keep_last: 7 }
verification: { every_days: 1 }
restore: { setuid: keep }
`;
    expect(reload(read(next))).toEqual([]);
    expect([limits.perServer, backups.readLimit, backups.workers]).toEqual([9, 3, 4]);
    expect([retention.keepLast, verification.everyDays, restore.setuid]).toEqual([7, 1, 'keep']);
    expect(config.limits).toBe(limits);
  });

  test('leaves the configuration that it came from as it was', () => {
    const first = read(FIRST);
    liveConfig(first).reload(read(FIRST.replace('per_server: 5', 'per_server: 9')));
    expect(first.limits.perServer).toBe(5);
  });

  test.each([
    ['backups.concurrent', 'concurrent: 2', 'concurrent: 3'],
    ['panel', 'the-first-token', 'the-second-token'],
    ['state_directory', 'limits:', 'state_directory: /elsewhere\nlimits:'],
    ['api', 'limits:', 'api: { port: 1234 }\nlimits:'],
  ])('names %s as waiting for a restart, and keeps it', (key, from, to) => {
    const { config, reload } = liveConfig(read(FIRST));
    const before = config.api.port;
    expect(reload(read(FIRST.replace(from, to)))).toEqual([key]);
    expect(config.api.port).toBe(before);
    // It still waits when the next reload changes something else.
    expect(reload(read(FIRST.replace(from, to).replace('per_server: 5', 'per_server: 6')))).toEqual([key]);
    expect(reload(read(FIRST))).toEqual([]);
  });
});
