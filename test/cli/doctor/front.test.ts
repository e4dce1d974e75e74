/** What the doctor says of a Roost before Wings. */
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { checkFront } from '../../../src/cli/doctor/front.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { type NodeHost, nodeHost } from '../../support/wings/node-host.ts';

const YEAR = 366 * 86_400_000;

async function findings(host: NodeHost, now = Date.now()) {
  const config = await loadConfig(host.at('etc/roost/config.yml'), {});
  return (await checkFront(config, now)).map(({ level, message }) => `${level}: ${message}`);
}

test('a host without a front is not told of one', async () => {
  expect(await findings(await nodeHost())).toEqual([]);
});

test('a front in order is fine; drift, a wrong token, another listener and an absent Wings are faults', async () => {
  const host = await nodeHost();
  await host.front();
  expect(await findings(host)).toEqual([expect.stringMatching(/^ok: Wings answers at http:\/\/127\.0\.0\.1:\d+/)]);
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

test('a certificate that ends soon is a warning, one that has ended a fault', async () => {
  const host = await nodeHost({ tls: true });
  await host.front();
  expect(await findings(host, Date.now() + 1000 * YEAR)).toEqual([
    expect.stringMatching(/^fault: The certificate .* ended/),
  ]);
});
