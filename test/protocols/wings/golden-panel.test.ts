/**
 * What a node asks of Calagopus' panel, and how its answers are taken: recorded from the panel's own source, as each
 * exchange names it.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import type { UploadedPart } from '../../../src/catalogue/records.ts';
import { FLAVOURS } from '../../../src/protocols/wings/flavours/flavours.ts';
import { PanelClient } from '../../../src/protocols/wings/panel/client.ts';
import { failureOf } from '../../support/rejection.ts';
import { StillClock } from '../../support/still-clock.ts';
import { NODE_TOKEN, NODE_TOKEN_ID } from '../../support/wings-app.ts';

type Call =
  | { readonly verb: 'reportBackup'; readonly successful: boolean; readonly parts: readonly UploadedPart[] | null }
  | { readonly verb: 'reportDeletion'; readonly successful: boolean }
  | { readonly verb: 'reportRestore'; readonly successful: boolean }
  | { readonly verb: 'partUrls' }
  | { readonly verb: 'resetServers' };

interface Recorded {
  readonly title: string;
  readonly source: string;
  readonly call: Call;
  readonly exchanges: readonly {
    readonly request: { readonly method: string; readonly path: string; readonly body: unknown };
    readonly response: { readonly status: number; readonly body: string };
  }[];
  /** A verdict, an answer, or a part of what a Failure says; null for none. */
  readonly outcome: string | { readonly failure: string } | Readonly<Record<string, unknown>> | null;
}

const RECORDED = JSON.parse(
  readFileSync(new URL('../../golden/wings/calagopus-panel.json', import.meta.url), 'utf8'),
) as Recorded[];
const ABOUT = {
  backup: '22222222-2222-4222-8222-222222222222' as BackupId,
  server: '11111111-1111-4111-8111-111111111111' as ServerId,
};
const NEVER = new AbortController().signal;

test.each(RECORDED)('Calagopus: $title', async ({ call, exchanges, outcome }) => {
  const heard: unknown[] = [];
  const panelUrl = await answering((request) => {
    heard.push(request);
    return exchanges[heard.length - 1]?.response ?? { status: 500, body: '' };
  });
  const client = clientOf(panelUrl);
  if (typeof outcome === 'object' && outcome !== null && 'failure' in outcome) {
    expect((await failureOf(run(client, call))).message).toContain(outcome.failure);
  } else expect((await run(client, call)) ?? null).toEqual(outcome);
  expect(heard).toEqual(exchanges.map(({ request }) => request));
});

function clientOf(panelUrl: string): PanelClient {
  const credentials = { tokenId: NODE_TOKEN_ID, token: NODE_TOKEN };
  const facts = FLAVOURS.calagopus;
  return new PanelClient({ facts, credentials, panelUrl, version: '1.2.3', fetch, clock: new StillClock() });
}

async function run(client: PanelClient, call: Call): Promise<unknown> {
  const askedAt = new StillClock().now();
  if (call.verb === 'resetServers') return client.resetServers(NEVER);
  if (call.verb === 'partUrls') {
    const { parts, partSize } = await client.partUrls(ABOUT.backup, 1000, NEVER);
    return { parts, partSize };
  }
  const { successful } = call;
  if (call.verb === 'reportDeletion')
    return (await client.reportDeletion({ ...ABOUT, askedAt, successful }, NEVER)).kind;
  if (call.verb === 'reportRestore') return (await client.reportRestore({ ...ABOUT, askedAt, successful }, NEVER)).kind;
  const made = successful ? { sha256: 'ab'.repeat(32), size: 1000, files: 3 } : { sha256: null, size: 0, files: 0 };
  return (await client.reportBackup({ ...ABOUT, ...made, askedAt, successful, parts: call.parts }, NEVER)).kind;
}

interface Asked {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly body: unknown;
}

async function answering(answer: (asked: Asked) => { readonly status: number; readonly body: string }) {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    request.on('end', () => {
      const body = text === '' ? null : (JSON.parse(text) as unknown);
      const { status, body: sent } = answer({ method: request.method, path: request.url, body });
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(sent);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
