/** A real S3 server (OpenStack Swift) for the tests of one file; s3-server.py says which packages it needs. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { S3Client } from '@aws-sdk/client-s3';
import { freePort } from './free-port.ts';
import { knownSecret } from './secret-shapes.ts';

const PACKAGES = 'python3-swift swift-proxy swift-account swift-container swift-object';
/** Debian's own: another Python before it in the path has no Swift. */
const PYTHON = '/usr/bin/python3';
/** Accounts, containers, objects and the proxy before them: a port each. */
const SERVICES = 4;

export const ACCESS_KEY = knownSecret('test:tester');
export const SECRET_KEY = knownSecret('a-secret-of-the-tests');

export interface S3Server {
  readonly endpoint: string;
  readonly client: S3Client;
  stop(): Promise<void>;
}

export type S3ServerOrReason = { readonly server: S3Server } | { readonly missing: string };

/** Resolves once the server answers, or with the reason why it cannot be started here. */
export async function startS3Server(): Promise<S3ServerOrReason> {
  const directory = await mkdtemp(join(tmpdir(), 'roost-s3-'));
  const script = fileURLToPath(new URL('s3-server.py', import.meta.url));
  const ports: string[] = [];
  while (ports.length < SERVICES) ports.push(String(await freePort()));
  const child = spawn(PYTHON, [script, directory, ACCESS_KEY, SECRET_KEY, ...ports], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // Not its exit, which may come before what it said: a server that failed would be taken for one that is missing.
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
  const line = await Promise.race([firstLine(child.stdout), ended.then(() => 'MISSING it could not be started')]);
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  const [word, ...rest] = line.split(' ');
  if (word === 'READY') {
    const endpoint = `http://127.0.0.1:${rest.join('')}`;
    return { server: { endpoint, client: clientOf(endpoint), stop } };
  }
  await stop();
  if (word === 'MISSING') return { missing: `no S3 server: apt-get install --no-install-recommends ${PACKAGES}` };
  throw new Error(`The S3 server did not start: ${line}`);
}

function clientOf(endpoint: string): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

async function firstLine(input: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input })) return line;
  return 'MISSING it said nothing';
}
