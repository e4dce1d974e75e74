import fs from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLog } from '../../src/base/log/log.ts';
import { driftOf, readWingsConfig, type WingsConfig, WingsConfigFile } from '../../src/servers/wings-config.ts';
import { ManualTime } from '../support/manual-time.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { knownSecret } from '../support/secret-shapes.ts';

const TOKEN = knownSecret('token-in-the-file-of-wings-0123456789');
const TEXT = `
token_id: the-id
token: ${TOKEN}
remote: https://panel.test/
allowed_origins: [https://other.test]
api: { host: 127.0.0.1, port: 18080, ssl: { enabled: false } }
system: { data: /srv/volumes/, backup_directory: /srv/backups, username: x }
`;

async function fileWith(text: string): Promise<string> {
  const path = join(await scratchDirectory(), 'config.yml');
  await fs.writeFile(path, text);
  return path;
}

test('what the file says', async () => {
  const { token, ...rest } = await readWingsConfig(await fileWith(TEXT));
  expect(token.reveal()).toBe(TOKEN);
  expect(rest).toEqual({
    tokenId: 'the-id',
    remote: 'https://panel.test',
    allowedOrigins: ['https://other.test'],
    data: '/srv/volumes',
    backupDirectory: '/srv/backups',
    api: { host: '127.0.0.1', port: 18080, tls: false },
  });
});

test('a token in a file of its own is read, one in the environment of Wings is named', async () => {
  const secret = await fileWith(`${TOKEN}\n`);
  const { token } = await readWingsConfig(await fileWith(TEXT.replace(TOKEN, `file://${secret}`)));
  expect(token.reveal()).toBe(TOKEN);
  const environment = await fileWith(TEXT.replace(TOKEN, '${WINGS_TOKEN}'));
  await expect(readWingsConfig(environment)).rejects.toThrow(/in the environment of Wings .* set panel.token_id/);
});

test.each([
  ['', /no YAML mapping|missing/],
  ['token: x\n', /token_id, remote/],
  [': : :', /no YAML mapping/],
])('a file that lacks what is needed is a fault that shows no value: %j', async (text, words) => {
  await expect(readWingsConfig(await fileWith(text))).rejects.toMatchObject({ code: 'config_invalid', message: words });
});

test('what would part Wings from its front is found', async () => {
  const config = await readWingsConfig(await fileWith(TEXT));
  expect(driftOf(config, 'http://127.0.0.1:18080')).toEqual([]);
  const pushed = { api: { host: '0.0.0.0', port: 8080, tls: true } };
  expect(driftOf(pushed, 'http://127.0.0.1:18080')).toEqual([
    'api.port is 8080, and front.wings is http://127.0.0.1:18080',
    'api.host is 0.0.0.0: Wings can be reached past Roost',
    'api.ssl.enabled is true, and front.wings is plain http',
  ]);
});

test('a change is taken within ten seconds; a file that is half written is not believed', async () => {
  const path = await fileWith(TEXT);
  const time = new ManualTime();
  const taken: WingsConfig[] = [];
  const lines: string[] = [];
  const log = openLog({ level: 'info', format: 'json' }, { write: (line) => void lines.push(line) });
  const file = new WingsConfigFile({ path, timers: time, log, onChange: (config) => void taken.push(config) });
  await file.follow();
  const look = async (): Promise<void> => {
    time.advance(10_000);
    await file.read();
  };
  await fs.writeFile(path, '');
  await look();
  expect(taken.map(({ tokenId }) => tokenId)).toEqual(['the-id']);
  await fs.writeFile(path, TEXT.replace('the-id', 'another-id'));
  await look();
  expect(taken.map(({ tokenId }) => tokenId)).toEqual(['the-id', 'another-id']);
  await fs.rm(path);
  await look();
  expect(lines.join()).toContain('what was read before counts');
  await file.close();
  expect(time.pending).toBe(0);
});
