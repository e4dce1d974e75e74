/** The settings that the README shows can be pasted. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

test('what it says to set on a node with a panel is a config', () => {
  const [, section = ''] = README.split('\n## With a panel\n');
  const [, yaml = ''] = /```yaml\n([^`]*)```/.exec(section) ?? [];
  const connection = 'flavour: pelican\n  url: https://panel.test\n  token_id: id\n  token: a-token-of-the-node\n';
  const config = parseConfig('config.yml', yaml.replace('panel:\n', `panel:\n  ${connection}`), {});
  expect(config).toMatchObject({
    limits: { perServer: 0 },
    backups: { wingsReadable: true },
    panel: { flavour: 'pelican', ownsReset: true, restoreHostAllowlist: ['minio.lan'] },
  });
});
