/** What the client of a panel remembers of its last request: whether the panel took it at all. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { FLAVOURS } from '../../../../src/protocols/wings/flavours/flavours.ts';
import { PanelClient } from '../../../../src/protocols/wings/panel/client.ts';
import { StillClock } from '../../../support/still-clock.ts';

/** A client of a panel that answers with a status; 0 cuts the connection. */
async function clientOf(answers: number[]): Promise<PanelClient> {
  const server = createServer((_, response) => {
    const status = answers.shift() ?? 200;
    if (status === 0) response.destroy();
    else response.writeHead(status).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const panelUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { tokenId: 'id', token: 'secret-of-the-node' };
  const facts = FLAVOURS.pelican;
  return new PanelClient({ facts, credentials, panelUrl, version: '1.2.3', fetch, clock: new StillClock() });
}

test('a panel is away after a request that it did not take, and back after one that it understood', async () => {
  const client = await clientOf([0, 404, 503, 422, 403, 204, 0]);
  const seen: unknown[] = [client.away];
  for (let asked = 0; asked < 7; asked++) {
    await client.resetServers(new AbortController().signal).catch(() => undefined);
    seen.push(client.away?.message);
  }
  expect(seen).toEqual([
    undefined,
    expect.stringContaining('the panel is away'),
    undefined,
    expect.stringContaining('the panel answered 503'),
    undefined,
    expect.stringContaining('the panel answered 403'),
    undefined,
    expect.stringContaining('the panel is away'),
  ]);
});

test('a request that was broken off here says nothing of the panel', async () => {
  const client = await clientOf([]);
  await expect(client.resetServers(AbortSignal.abort())).rejects.toThrow();
  expect(client.away).toBeUndefined();
});
