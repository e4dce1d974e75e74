/** Certificates that are told apart by their serial numbers, and which of them a port serves. */
import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { onTestFinished } from 'vitest';

/** `new.crt` and `new.key`. */
export function makeCertificate(directory: string, serial: number): void {
  const subject = ['-days', '2', '-subj', '/CN=localhost', '-set_serial', String(serial)];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', join(directory, 'new.key'), '-out', join(directory, 'new.crt')];
  execFileSync('openssl', ['req', '-x509', ...key, ...files, ...subject], { stdio: 'ignore' });
}

/** Puts what was made in the place of `live.crt` and `live.key`. */
export function renew(directory: string): { readonly cert: string; readonly key: string } {
  const files = { cert: join(directory, 'live.crt'), key: join(directory, 'live.key') };
  renameSync(join(directory, 'new.key'), files.key);
  renameSync(join(directory, 'new.crt'), files.cert);
  return files;
}

/** Open until the test ends. */
export async function connectTls(port: number): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  onTestFinished(() => void socket.destroy());
  await new Promise((resolve, reject) => socket.once('secureConnect', () => resolve(undefined)).once('error', reject));
  return socket;
}

export async function servedSerial(port: number): Promise<string> {
  const socket = await connectTls(port);
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}
