/** A renewed certificate is served after a reload; half a renewal changes nothing. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { HttpServer } from '../../src/http/server.ts';
import { listeningNode } from '../support/listening-node.ts';
import { failureOf } from '../support/rejection.ts';
import { connectTls, makeCertificate, renew, servedSerial } from '../support/renewed-certificate.ts';
import { scratchDirectory } from '../support/scratch.ts';

async function setting(server: HttpServer, files: Parameters<HttpServer['setCertificate']>[0]): Promise<void> {
  server.setCertificate(files);
}

async function tlsNode() {
  const directory = await scratchDirectory();
  makeCertificate(directory, 0x1001);
  const files = renew(directory);
  const node = await listeningNode({}, { api: { host: '127.0.0.1', port: 0, tls: files } });
  return { ...node, directory, files };
}

test('the renewed one is served to new connections, and open ones go on', async () => {
  const { server, port, directory, files } = await tlsNode();
  expect(await servedSerial(port)).toBe('1001');
  const open = await connectTls(port);
  makeCertificate(directory, 0x1002);
  renew(directory);
  expect(await servedSerial(port)).toBe('1001');
  server.setCertificate(files);
  expect(await servedSerial(port)).toBe('1002');
  open.write('GET /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n');
  const answer = await new Promise((resolve) => open.once('data', (bytes) => resolve(bytes.toString('latin1'))));
  expect(answer).toContain(' 200 ');
});

test('a pair of which one half is old, broken or gone is refused with the reason, and the old one is served', async () => {
  const { server, port, directory, files } = await tlsNode();
  makeCertificate(directory, 0x1002);
  renameSync(join(directory, 'new.crt'), files.cert);
  const mismatch = await failureOf(setting(server, files), 'config_invalid');
  expect(mismatch.message).toMatch(/^Cannot use the certificate .*live\.crt with the key .*live\.key: .*mismatch/);
  writeFileSync(files.key, 'no key');
  await failureOf(setting(server, files), 'config_invalid');
  rmSync(files.key);
  const missing = await failureOf(setting(server, files), 'config_invalid');
  expect(missing.message).toBe(`Cannot read ${files.key}: ENOENT`);
  expect(await servedSerial(port)).toBe('1001');
  renameSync(join(directory, 'new.key'), files.key);
  server.setCertificate(files);
  expect(await servedSerial(port)).toBe('1002');
});

test('a node without TLS is not changed by one that the config names now', async () => {
  const { server, url } = await listeningNode();
  server.setCertificate({ cert: '/nonexistent', key: '/nonexistent' });
  expect((await fetch(`${url}/health`)).status).toBe(200);
});
