/** What is said of an address at which no Roost answers. */
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../run.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/certificate.ts';

const TLS = { key: TEST_KEY, cert: TEST_CERTIFICATE };

async function portOf(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function said(url: string, ...argv: readonly string[]): Promise<string> {
  const { exitCode, stderr } = await run(argv.length === 0 ? ['status'] : argv, {
    env: { ROOST_URL: url, ROOST_TOKEN: 'a-token' },
  });
  expect(exitCode).toBe(1);
  return stderr;
}

test('https where plain HTTP is spoken', async () => {
  const port = await portOf(http.createServer());
  expect(await said(`https://127.0.0.1:${port}`)).toMatch(/: it does not speak TLS\nhint: .* http:\/\/\.\n$/);
});

test('http where TLS is spoken: nothing was asked for that might go on', async () => {
  const port = await portOf(https.createServer(TLS));
  expect(await said(`http://127.0.0.1:${port}`)).toMatch(/: the connection broke\nhint: Try again\. .* https:\/\//);
});

test('a certificate that is not trusted', async () => {
  const port = await portOf(https.createServer(TLS));
  expect(await said(`https://localhost:${port}`)).toMatch(
    /: its certificate is not trusted here\nhint: .*NODE_EXTRA_CA_CERTS/,
  );
});

test('a port of another protocol', async () => {
  const port = await portOf(net.createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
  expect(await said(`http://127.0.0.1:${port}`)).toMatch(
    /: what answers there does not speak HTTP\nhint: Check the port/,
  );
});

test('a name that does not exist', async () => {
  expect(await said('http://nosuch.invalid')).toMatch(/: its name has no address\nhint: Check the name/);
});

test('a path that the daemon does not have', async () => {
  const body = JSON.stringify({ error: 'There is nothing at this address', code: 'not_found', requestId: 'x' });
  const port = await portOf(http.createServer((_, answer) => void answer.writeHead(404).end(body)));
  const url = `http://127.0.0.1:${port}/panel`;
  expect(await said(url)).toBe(
    `roost: There is nothing at this address\nhint: Check the address, ${url}: a daemon has no path, and one of an older version may not know this command.\n`,
  );
});
