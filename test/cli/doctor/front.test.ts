/** What the doctor says of a Roost before Wings. */
import fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkFront } from '../../../src/cli/doctor/front.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { keepPush } from '../../../src/servers/panel-push.ts';
import { type NodeHost, nodeHost, type NodeHostOptions } from '../../support/wings/node-host.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const FINE = /^ok: Wings answers at http:\/\/127\.0\.0\.1:\d+/;

async function findings(host: NodeHost, now: () => number = Date.now) {
  const config = await loadConfig(host.at('etc/roost/config.yml'), {});
  const found = await checkFront(config, { now }, { root: host.root, env: host.env });
  return found.map(({ level, message }) => `${level}: ${message}`);
}

/** A host before whose Wings Roost stands, of a panel that answers. */
async function fronted(options: NodeHostOptions = {}): Promise<NodeHost> {
  const panel = createServer((_, answer) => answer.end());
  await new Promise<void>((resolve) => panel.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void panel.close());
  const host = await nodeHost({ remote: `http://127.0.0.1:${(panel.address() as AddressInfo).port}`, ...options });
  await host.front();
  return host;
}

test('a host without a front is not told of one', async () => {
  expect(await findings(await nodeHost())).toEqual([]);
});

test('a front in order is fine; drift, another listener and an absent Wings are faults', async () => {
  const host = await fronted();
  expect(await findings(host)).toEqual([expect.stringMatching(FINE)]);
  const content = host.wings.file.read();
  host.wings.file.write({ ...content, api: { ...(content['api'] as object), host: '0.0.0.0', port: host.port } });
  expect(await findings(host)).toEqual([
    expect.stringMatching(/^fault: The next start of Wings .*api\.port/),
    expect.stringMatching(/^fault: The next start of Wings .*api\.host/),
  ]);
  host.wings.file.write(content);
  await host.wings.kill();
  expect(await findings(host)).toEqual([expect.stringMatching(/^fault: Wings does not answer/)]);
  fs.writeFileSync(host.wingsFile, '');
  expect(await findings(host)).toEqual([expect.stringMatching(/^fault: Cannot use the configuration of Wings/)]);
});

test('a token that Wings does not take is a fault', async () => {
  const host = await fronted();
  host.wings.script = ({ headers }, outgoing) => {
    if (headers.authorization === undefined) return false;
    outgoing.writeHead(403, { 'content-type': 'application/json' }).end('{"error":"You are not authorized"}');
    return true;
  };
  expect(await findings(host)).toEqual([expect.stringMatching(/^fault: Wings at .* refuses the token of its file/)]);
});

test('units that do not start in order, or not at all, are told', async () => {
  const host = await fronted();
  fs.rmSync(host.at('etc/systemd/system/roost.service.d/front.conf'));
  expect(await findings(host)).toEqual([
    expect.stringMatching(/^warning: roost\.service does not start before wings\.service/),
  ]);
  Object.assign(host.units.state['roost.service'] ?? {}, { UnitFileState: 'disabled' });
  expect((await findings(host)).at(-1)).toMatch(/^fault: roost\.service is disabled: .* its node is away/);
  // Where systemd runs no Wings, its order says nothing.
  Object.assign(host.units.state['wings.service'] ?? {}, { LoadState: 'not-found' });
  expect(await findings(host)).toEqual([expect.stringMatching(FINE)]);
});

test('a clock that differs from that of the panel is told, by how much tokens bear; a panel that is away, too', async () => {
  const host = await fronted();
  const after = (minutes: number) => findings(host, () => Date.now() + minutes * MINUTE);
  expect(await after(0.5)).toEqual([expect.stringMatching(FINE)]);
  expect(await after(3)).toEqual([expect.stringMatching(/^warning: The clock of this host is 3 min ahead of that/)]);
  expect(await after(-9)).toEqual([expect.stringMatching(/^fault: The clock of this host is 9 min behind that/)]);
  const content = host.wings.file.read();
  host.wings.file.write({ ...content, remote: 'http://127.0.0.1:9' });
  expect(await findings(host)).toEqual([expect.stringMatching(/^warning: The panel does not answer at http/)]);
});

test('how long a certificate holds, and for which names; one that ends soon is a warning, one that has ended a fault', async () => {
  // Where nothing listens no clock is compared.
  const host = await nodeHost({ tls: true });
  await host.front();
  // One moment for all: days are counted from it.
  const now = Date.now();
  const certificate = async (at = now) =>
    (await findings(host, () => at)).filter((line) => line.includes('certificate'));
  const [fine = ''] = await certificate();
  expect(fine).toMatch(/^ok: The certificate is for localhost.*, and ends in \d+ days$/);
  const end = now + Number(/(\d+) days$/.exec(fine)?.[1]) * DAY;
  expect(await certificate(end - 5 * DAY)).toEqual([
    expect.stringMatching(/^warning: The certificate .* ends in 5 days/),
  ]);
  expect(await certificate(end + 2 * DAY)).toEqual([expect.stringMatching(/^fault: The certificate .* has ended/)]);
  expect(await certificate(0)).toEqual([expect.stringMatching(/^fault: The certificate .* is not valid before/)]);
  const { stateDirectory } = await loadConfig(host.at('etc/roost/config.yml'), {});
  fs.mkdirSync(dirname(stateDirectory), { recursive: true });
  keepPush(stateDirectory, { name: 'localhost' });
  expect(await certificate()).toEqual([fine]);
  keepPush(stateDirectory, { name: 'node1.example.com' });
  expect(await certificate()).toEqual([
    expect.stringMatching(
      /^fault: The panel calls this node node1\.example\.com, and the certificate .* is for localhost/,
    ),
  ]);
});
