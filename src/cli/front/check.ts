/** Whether a node works as its panel and its users use it: through Roost, and only through Roost. */
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import tls from 'node:tls';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import { readWingsConfig } from '../../servers/wings-config.ts';
import { askWings, get } from './running-wings.ts';
import { type Takeover, urlOf } from './look.ts';

/** Wings looks at each server before it listens: minutes on a large node. */
const ANSWERS_MS = 10 * 60_000;
const SOCKET_MS = 15_000;
const POLL_MS = 100;

/**
 * Waits until Wings answers at an address, to the token that its file has by then: a panel may reset it at any time.
 *
 * @throws Failure `store_unreachable` when it does not; `cancelled`.
 */
export async function untilWingsAnswers(url: string, file: string, signal: AbortSignal): Promise<void> {
  const late = AbortSignal.timeout(ANSWERS_MS);
  for (;;) {
    const asked = await askWings(url, await tokenIn(file));
    if (typeof asked !== 'string') return;
    throwIfAborted(signal, 'Cannot wait for Wings');
    if (late.aborted) throw failed(`at ${url}: ${asked}`);
    await wait(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * @returns a sentence for each check that passed.
 * @throws Failure `store_unreachable` with the first check that failed.
 */
export async function checkNode(takeover: Takeover): Promise<readonly string[]> {
  const { listen, running, wingsConfig } = takeover;
  const url = publicUrl(takeover);
  if (typeof (await askWings(url, await tokenIn(wingsConfig))) === 'string')
    throw failed(`the call of the panel to ${url} is not answered`);
  const checked = ["the panel's call"];
  const [server] = running.servers;
  if (server !== undefined) {
    await requireSocket(`${url.replace('http', 'ws')}/api/servers/${server}/ws`, takeover.remote);
    checked.push('a console socket');
  }
  const download = await get(`${url}/download/backup?token=none`);
  if (download === undefined || download.status < 400 || download.status >= 502)
    throw failed('downloads are not served');
  checked.push('a download');
  if (listen.tls !== null) {
    await requireCertificate(url, listen.tls.cert);
    checked.push('the certificate');
  }
  return checked;
}

/** '' while the file is being rewritten: asked again then. */
async function tokenIn(file: string): Promise<string> {
  return readWingsConfig(file).then(
    ({ token }) => token.reveal(),
    () => '',
  );
}

export function publicUrl({ listen }: Pick<Takeover, 'listen'>): string {
  return urlOf({ host: listen.host, port: listen.port, tls: listen.tls !== null });
}

async function requireSocket(url: string, origin: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = new WebSocket(url, { origin, rejectUnauthorized: false, handshakeTimeout: SOCKET_MS });
  socket.once('open', resolve);
  socket.once('error', (error) => reject(failed(`a console socket is not opened (${error.message})`)));
  try {
    await promise;
  } finally {
    socket.terminate();
  }
}

async function requireCertificate(url: string, file: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const host = hostname.replace(/^\[|\]$/g, '');
  const socket = tls.connect({ host, port: Number(port), rejectUnauthorized: false }, () =>
    resolve(socket.getPeerCertificate().raw),
  );
  socket.once('error', (error) => reject(failed(`its certificate cannot be read (${error.message})`)));
  try {
    const isSame = new X509Certificate(fs.readFileSync(file)).raw.equals(await promise);
    if (!isSame) throw failed(`another certificate than ${file} is served`);
  } finally {
    socket.destroy();
  }
}

function failed(problem: string): Failure {
  return new Failure('store_unreachable', `The node does not work as it should: ${problem}`, {
    hint: 'journalctl -u wings -u roost says more.',
  });
}
