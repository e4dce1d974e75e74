/** What a reload changes in a daemon that runs, and what it leaves alone. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { parseConfig } from '../../src/config/config.ts';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN } from '../support/daemon.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const NEXT = 'the-token-that-counts-afterwards';

async function eventSocket(url: string, token: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/events`, {
    headers: { authorization: `Bearer ${token}` },
  });
  onTestFinished(() => socket.terminate());
  await once(socket, 'message');
  return socket;
}

test('a token that is taken away loses its event socket at once; a reload without a change leaves it open', async () => {
  const host = await scratchHost();
  const { daemon, url } = await runDaemonOn(host);
  const read = (text: string) => parseConfig('config.yml', text, {});
  const socket = await eventSocket(url, TOKEN);
  daemon.reload(read(host.config.replace('per_server: 0', 'per_server: 4')));
  socket.ping();
  await once(socket, 'pong');
  const closed = once(socket, 'close');
  daemon.reload(read(host.config.replace(TOKEN, NEXT)));
  const [code] = await closed;
  expect(code).toBe(1012);
  const refused = new WebSocket(`${url.replace('http', 'ws')}/api/events`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const [refusal] = await once(refused, 'close');
  expect(refusal).toBe(4401);
  await eventSocket(url, NEXT);
});

test('limits count for the next backup, while a job that runs goes on to its end', async () => {
  const host = await scratchHost('backups: { read_limit: 1 }');
  await writeFile(join(host.server, 'large.bin'), Buffer.alloc(40_000_000, 'x'));
  const { daemon, call } = await runDaemonOn(host);
  const begun = await call(BACKUPS, { body: { name: 'x' }, headers: { prefer: 'respond-async' } });
  const { id } = begun.body as { id: string };
  // Without a limit it is over in no time: forty seconds of waiting would fail the test.
  const next = host.config.replace('read_limit: 1', 'read_limit: 0').replace('per_server: 0', 'per_server: 1');
  expect(daemon.reload(parseConfig('config.yml', next, {}))).toEqual([]);
  await expect
    .poll(async () => ((await call(`${BACKUPS}/${id}`)).body as { status: string }).status, { timeout: 20_000 })
    .toBe('COMPLETED');
  expect(await call(BACKUPS, { body: { name: 'y' } })).toMatchObject({
    status: 400,
    body: { code: 'too_many_backups' },
  });
});
