/** The library of Pterodactyl's page, as the page uses it: it stays away after the codes 1000, 1001 and 1005. */
import sockette from 'sockette';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';

const PANEL_URL = 'http://127.0.0.1:9';

test('a page is back within 5 seconds after Roost was restarted', async () => {
  class PageSocket extends WebSocket {
    constructor(url: string) {
      super(url, { origin: PANEL_URL });
    }
  }
  vi.stubGlobal('WebSocket', PageSocket);
  onTestFinished(() => void vi.unstubAllGlobals());
  const panel = `panel: { flavour: pterodactyl, url: "${PANEL_URL}", token_id: node-id, token: "node-token-of-it" }`;
  const host = await scratchHost(panel);
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
  const { port } = new URL(first.url);
  await runDaemonOn({ ...host, config: host.config.replace('port: 0', `port: ${port}`) }, 100);
  const started = performance.now();
  await eventually(() => opened === 2);
  expect(performance.now() - started).toBeLessThan(5000);
  expect(codes[0]).toBe(1012);
});
