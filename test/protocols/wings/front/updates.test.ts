/** The panel pushes its configuration of the node. */
import { describe, expect, test } from 'vitest';
import { readPush } from '../../../../src/servers/panel-push.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import { SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { rawRequest } from '../../../support/wings/raw-request.ts';
import { AUTHORIZED, headOf } from '../../../support/wings/heads.ts';
import { openWings, WINGS_TOKEN } from '../../../support/wings/wings.ts';

describe('check 14: the panel pushes its configuration', () => {
  const PUSH = { debug: true, api: { host: '0.0.0.0', port: 8080, ssl: { enabled: true }, upload_limit: 5 } };

  test.each([
    JSON.stringify(PUSH),
    JSON.stringify({ ...PUSH, API: PUSH.api, api: undefined }),
    '{"debug":true,"aPi":{"hOst":"0.0.0.0","PORT":1,"\u017fsl":{"enabled":true},"upload_limit":5}}',
    '{"debug":true,"\\u0061pi":{"\\u0070ort":1,"\\u0068ost":"x","upload_limit":5}}',
    '{"debug":true,"api":{"port":1},"api":{"port":2,"upload_limit":5}}',
    '{"debug":true,"api":{"port":1,"PORT":2,"Port":3,"upload_limit":5}}',
    '{"debug":true,"api":{"upload_limit":5},"API":{"port":1,"ssl":{"enabled":true}}}',
    '{"debug":true,"api":{"ssl":null,"host":null,"port":null,"upload_limit":5}}',
    ` \n${JSON.stringify(PUSH)}\n `,
  ])('Wings keeps its address: %s', async (body) => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, authorized } = await openFrontNode(wings);
    const answer = await fetch(`${url}/api/update`, { method: 'POST', headers: authorized, body });
    expect([answer.status, await answer.json()]).toEqual([200, { applied: true }]);
    expect(wings.file.read()).toMatchObject({
      debug: true,
      api: { host: '127.0.0.1', port: wings.port, ssl: { enabled: false }, upload_limit: 5 },
    });
  });

  test.each(['{"api":{"port":1}', 'port=1', '[{"api":{"port":1}}]', '{"debug":true}{"api":{"port":1}}', '"api"', ''])(
    'what cannot be read is never passed, whoever sends it: %s',
    async (body) => {
      const wings = await openWings({ servers: [SERVER] });
      const { url, authorized } = await openFrontNode(wings);
      const before = wings.file.read();
      for (const headers of [authorized, {}]) {
        expect((await fetch(`${url}/api/update`, { method: 'POST', headers, body })).status).toBe(400);
      }
      expect([wings.received, wings.file.read()]).toEqual([[], before]);
    },
  );

  test('a new token counts on both sides, before the answer is there', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, authorized, panel } = await openFrontNode(wings);
    const token = 'another-token-of-this-node'.padEnd(64, 'z');
    const body = JSON.stringify({ token_id: 'another-id-00001', token });
    expect((await fetch(`${url}/api/update`, { method: 'POST', headers: authorized, body })).status).toBe(200);
    expect([panel.credentials.tokenId, panel.credentials.matches(token)]).toEqual(['another-id-00001', true]);
    expect((await fetch(`${url}/api/system`, { headers: authorized })).status).toBe(403);
    expect((await fetch(`${url}/api/system`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  });

  test.each([
    ['refuses it', 400],
    ['fails', 500],
    ['takes nothing of the panel', 200],
    ['goes away', 503],
  ])('a Wings that %s leaves the old token on both sides', async (_, status) => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, authorized, panel } = await openFrontNode(wings);
    wings.script = (incoming, outgoing) => {
      if (status === 503) incoming.socket.destroy();
      else outgoing.writeHead(status).end('{"applied":false}');
      return true;
    };
    const token = 'another-token-of-this-node'.padEnd(64, 'z');
    const body = JSON.stringify({ token_id: 'another-id-00001', token, api: { port: 1 } });
    const answer = await fetch(`${url}/api/update`, { method: 'POST', headers: authorized, body });
    expect([answer.status, wings.token]).toEqual([status, WINGS_TOKEN]);
    expect([panel.credentials.matches(WINGS_TOKEN), panel.credentials.matches(token)]).toEqual([true, false]);
  });

  test('a Wings that takes no token keeps the old one on both sides', async () => {
    const wings = await openWings({ flavour: 'calagopus', servers: [SERVER] });
    const { url, authorized, panel } = await openFrontNode(wings);
    const body = JSON.stringify({ token_id: 'another-id-00001', token: 'z'.repeat(64), api: {} });
    expect((await fetch(`${url}/api/update`, { method: 'POST', headers: authorized, body })).status).toBe(200);
    expect(panel.credentials.matches(WINGS_TOKEN)).toBe(true);
  });
});

test('what the panel pushed is kept for the doctor once Wings has taken it', async () => {
  const stateDirectory = await scratchDirectory();
  const wings = await openWings({ servers: [SERVER] });
  const { port } = await openFrontNode(wings, { stateDirectory });
  const push = (text: string) =>
    rawRequest(port, `${headOf('POST', '/api/update', [AUTHORIZED, `Content-Length: ${text.length}`])}${text}`);
  await push('{"api":{"port":443,"ssl":{"enabled":true}}}');
  expect(readPush(stateDirectory)).toEqual({ port: 443, tls: true });
  await push('no JSON');
  expect(readPush(stateDirectory)).toEqual({ port: 443, tls: true });
});
