/** The library of Pterodactyl's page, as the page uses it: it stays away after the codes 1000, 1001 and 1005. */
import sockette from 'sockette';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';

const PANEL_URL = 'http://127.0.0.1:9';

test('a page, which tries once a second, is back with its first try after Roost was restarted', async () => {
  let tries = 0;
  class PageSocket extends WebSocket {
    constructor(url: string) {
      super(url, { origin: PANEL_URL });
      tries++;
    }
  }
  vi.stubGlobal('WebSocket', PageSocket);
  onTestFinished(() => void vi.unstubAllGlobals());
  const panel = `panel: { flavour: pterodactyl, url: "${PANEL_URL}", token_id: node-id, token: "node-token-of-it" }`;
  const made = await scratchHost(panel);
  const host = { ...made, config: made.config.replace('port: 0', `port: ${await freePort()}`) };
  const first = await runDaemonOn(host, 100);
  const codes: number[] = [];
  let opened = 0;
  const page = sockette(`${first.url.replace('http', 'ws')}/api/servers/${GAME_SERVER}/ws`, {
    timeout: 1000,
    onopen: () => void opened++,
    onclose: ({ code }) => void codes.push(code),
  });
  onTestFinished(() => page.close());
  await eventually(() => opened === 1);
  await first.daemon.stop();
  await runDaemonOn(host, 100);
  const before = tries;
  await eventually(() => opened === 2);
  expect(tries - before).toBeLessThanOrEqual(1);
  expect(codes[0]).toBe(1012);
});
