import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { liveConfig } from '../../src/config/live.ts';
import { scratchDirectory } from '../support/scratch.ts';

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
    ['panel', 'https://panel.test', 'https://other.test'],
    ['panel', 'flavour: pelican', 'flavour: stellarstack'],
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

describe('secrets behind the config', () => {
  const WITH_FILES = (file: string, flavour = 'pelican'): string => `
tokens: [ { id: a, secret: the-first-secret-of-a, permissions: ["*"], servers: ["*"] } ]
storage: { default: b, stores: { b: { type: s3, endpoint: "https://s3.test", bucket: games, access_key_id: "file://${file}", secret_access_key: "file://${file}" } } }
power: { driver: wings, url: "http://localhost:8080", token: "file://${file}" }
panel: { flavour: ${flavour}, url: "https://panel.test", token_id: id, token: "file://${file}" }
`;

  /** What holders that were given a secret at the start see before and after its file changed and was reloaded. */
  async function renewed(flavour?: string) {
    const file = join(await scratchDirectory(), 'secret');
    await writeFile(file, 'the-first-content');
    const { config, reload } = liveConfig(read(WITH_FILES(file, flavour)));
    const [store] = Object.values(config.storage.stores);
    if (store?.type !== 's3' || config.power.driver !== 'wings') throw new Error('another config');
    const held = [store.accessKeyId, store.secretAccessKey, config.power.token, config.panel.connection?.token];
    await writeFile(file, 'the-second-content\n');
    const later = reload(read(WITH_FILES(file, flavour)));
    return { later, seen: held.map((secret) => secret?.reveal()) };
  }

  test('are those of their files after a reload, for those who held them before', async () => {
    const { later, seen } = await renewed();
    expect(seen).toEqual(Array<string>(4).fill('the-second-content'));
    expect(later).toEqual([]);
  });

  test('but for a panel that is given its token once, which is named as waiting for a restart', async () => {
    const { later, seen } = await renewed('stellarstack');
    expect(seen.at(-1)).toBe('the-first-content');
    expect(later).toEqual(['panel']);
  });
});
