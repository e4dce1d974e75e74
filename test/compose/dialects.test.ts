import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../support/daemon.ts';

const KEY = 'ab'.repeat(32);

function panelOf(flavour: string): string {
  return `panel: { flavour: ${flavour}, url: "https://panel.test", token_id: node-7, token: "${KEY}" }`;
}

function signature(): Record<string, string> {
  const timestamp = Math.ceil(Date.now() / 1000);
  const mac = createHmac('sha256', Buffer.from(KEY, 'hex')).update(`node-7|${timestamp}`).digest('hex');
  return { 'x-stellar-node-id': 'node-7', 'x-stellar-timestamp': `${timestamp}`, authorization: `Bearer ${mac}` };
}

const BEARER = { authorization: `Bearer node-7.${KEY}` };

test('a daemon of a StellarStack panel backs up, lists, restores, sends and deletes as that panel asks', async () => {
  const { url } = await runDaemonOn(await scratchHost(panelOf('stellarstack')));
  const backup = `${url}/api/servers/${GAME_SERVER}/backup`;
  const uuid = '3c9f3a4e-8f0b-4f7a-9a55-0d5f0f2c9b11';
  const ask = async (method: string, to: string, body?: object) =>
    fetch(to, { method, headers: BEARER, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const created = (await (await ask('POST', backup, { uuid, ignore: ['*.log'] })).json()) as object;
  expect(created).toMatchObject({ success: true, id: uuid, checksum: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(await (await ask('GET', backup)).json()).toMatchObject({ backups: [{ uuid, status: 'COMPLETED' }] });
  const sent = await ask('GET', `${url}/download/backup?server=${GAME_SERVER}&backup=${uuid}`);
  expect(Buffer.from(await sent.arrayBuffer()).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
  expect(await (await ask('POST', `${backup}/restore`, { uuid, truncate: false })).json()).toMatchObject({
    success: true,
  });
  expect(await (await ask('DELETE', `${backup}/${uuid}`)).json()).toEqual({ success: true });
  expect(await (await ask('GET', backup)).json()).toEqual({ backups: [] });
});

test('a daemon of a StellarStack OSS panel creates, restores and deletes by name', async () => {
  const { url } = await runDaemonOn(await scratchHost(panelOf('stellarstack-oss')));
  const ask = async (op: string) => {
    const to = `${url}/api/servers/${GAME_SERVER}/backups?op=${op}`;
    const answer = await fetch(to, { method: 'POST', headers: signature(), body: JSON.stringify({ name: 'nightly' }) });
    return { status: answer.status, body: (await answer.json()) as object };
  };
  expect(await ask('create')).toMatchObject({ status: 200, body: { name: 'nightly', bytes: expect.any(Number) } });
  expect(await ask('restore')).toEqual({ status: 200, body: { ok: true } });
  expect(await ask('delete')).toEqual({ status: 200, body: { ok: true } });
  expect((await ask('restore')).status).toBe(404);
});

test('without a panel neither is there', async () => {
  const { url } = await runDaemonOn(await scratchHost());
  expect((await fetch(`${url}/api/servers/${GAME_SERVER}/backup`, { headers: BEARER })).status).toBe(404);
  const signed = await fetch(`${url}/api/servers/${GAME_SERVER}/backups?op=create`, {
    method: 'POST',
    headers: signature(),
  });
  expect(signed.status).toBe(401);
});
