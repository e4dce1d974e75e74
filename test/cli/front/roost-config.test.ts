/** Roost's configuration of front mode: what of the one that is there changes. */
import { describe, expect, test } from 'vitest';
import { frontConfig } from '../../../src/cli/front/roost-config.ts';
import type { Takeover } from '../../../src/cli/front/look.ts';

const TAKEOVER = {
  kind: 'pterodactyl',
  wingsConfig: '/etc/pterodactyl/config.yml',
  listen: { host: '0.0.0.0', port: 8080, tls: null },
  wings: 'http://127.0.0.1:18080',
  stands: false,
  trustedProxies: [],
  data: '/var/lib/pterodactyl/volumes',
  owner: '988:988',
} as unknown as Takeover;
const ENV = { ROOST_TOKEN: 'a-token-of-more-than-sixteen-characters' };

function configOf(layout: string, more: Partial<Takeover> = {}) {
  const former = `storage:
  stores:
    local:
      type: local
      directory: /var/lib/roost/backups
      # How archives are kept.
      layout: ${layout}
`;
  const { text, config, plain } = frontConfig(former, { ...TAKEOVER, ...more }, '/etc/roost/config.yml', ENV);
  return { text, plain, store: config.storage.stores['local'] };
}

describe('the layout of the store', () => {
  test('is plain behind a front: an undo gives Wings the archives as files', () => {
    const { text, plain, store } = configOf('vault');
    expect([plain, store]).toEqual([true, expect.objectContaining({ layout: 'plain' })]);
    expect(text).toContain('# How archives are kept.\n      layout: plain\n');
  });

  test('stays where the front stands already: it was written since', () => {
    const { plain, store } = configOf('vault', { stands: true });
    expect([plain, store]).toEqual([false, expect.objectContaining({ layout: 'vault' })]);
  });

  test('is not told of where it was plain, or where there is no configuration yet', () => {
    expect(configOf('plain').plain).toBe(false);
    const { config, plain } = frontConfig(undefined, TAKEOVER, '/etc/roost/config.yml', ENV);
    expect([plain, config.storage.stores['local']]).toEqual([false, expect.objectContaining({ layout: 'plain' })]);
  });
});
