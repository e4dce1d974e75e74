/**
 * Recorded exchanges of each panel with its node. What is expected was written from the panels' own daemons, not from
 * what Roost said. Words in braces stand for what differs between runs.
 */
import { readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import os from 'node:os';
import { decode, encode } from '@msgpack/msgpack';
import { describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { openPanelNode } from '../../support/panel-node.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../support/scripted-service.ts';
import { ALL_FLAVOURS, NODE_TOKEN, NODE_TOKEN_ID, PanelServersDouble } from '../../support/wings-app.ts';

interface Exchange {
  readonly title: string;
  /** Where the panel or its daemon shows it. */
  readonly source: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  readonly response: {
    readonly status: number;
    /** Those of note; there may be more. */
    readonly headers: Readonly<Record<string, string>>;
    /** null where the words are nobody's contract. */
    readonly body: string | null;
  };
}

const NEW = 'cccccccc-0000-4000-8000-000000000001' as BackupId;
const TAKEN = 'cccccccc-0000-4000-8000-000000000002' as BackupId;
const MADE = 'dddddddd-0000-4000-8000-000000000001' as ServerId;
const GO_NAMES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

function exchangesOf(flavour: string): readonly Exchange[] {
  const file = new URL(`../../golden/wings/${flavour}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Exchange[];
}

async function openNode(flavour: (typeof ALL_FLAVOURS)[number]) {
  const panel = new PanelServersDouble();
  const node = await openPanelNode(flavour, { panel }, { version: '1.2.3' });
  const { service, downloadToken } = node;
  const now = Math.floor(node.time.now() / 1000);
  const { id, size } = service.add();
  service.add({ id: TAKEN });
  for (const uuid of [SERVER, MADE]) panel.known.set(uuid, { uuid, suspended: false, meta: { name: 'survival' } });
  const words: Readonly<Record<string, string>> = {
    server: SERVER,
    other: OTHER_SERVER,
    unknown: UNKNOWN,
    backup: id,
    size: String(size),
    new: NEW,
    taken: TAKEN,
    made: MADE,
    token: NODE_TOKEN,
    token_id: NODE_TOKEN_ID,
    link: downloadToken(id),
    missing_link: downloadToken(UNKNOWN),
    strange_link: downloadToken(id, { server_uuid: UNKNOWN }),
    scopeless_link: downloadToken(id, { scope: undefined }),
    other_scope_link: downloadToken(id, { scope: 'websocket' }),
    two_scopes_link: downloadToken(id, { scope: 'file-download, backup-download' }),
    spaced_scopes_link: downloadToken(id, { scope: 'file-download backup-download' }),
    expired_link: downloadToken(id, { exp: now - 1 }),
    early_link: downloadToken(id, { nbf: now + 60 }),
    future_link: downloadToken(id, { iat: now + 60 }),
    old_link: downloadToken(id, { iat: now - 3600 }),
    go_architecture: GO_NAMES[os.arch()] ?? os.arch(),
    rust_architecture: os.machine(),
    cpus: String(os.availableParallelism()),
    memory: String(os.totalmem()),
    kernel: os.release(),
  };
  return { ...node, words };
}

function filled(text: string, words: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (braced, word: string) => words[word] ?? braced);
}

interface Heard {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly bytes: Buffer;
}

type Asked = Omit<Exchange['request'], 'body'> & { readonly body?: string | Uint8Array };

function ask(url: string, { method, path, headers, body }: Asked): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const asking = request(url + path, { method, headers: { ...headers, ...length } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status, headers: heard } = response;
        const bytes = Buffer.concat(chunks);
        resolve({ status, headers: heard, body: bytes.toString('utf8'), bytes });
      });
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

test.each(ALL_FLAVOURS)('each exchange of %s names its source', (flavour) => {
  for (const { title, source } of exchangesOf(flavour)) {
    expect([title, source]).toEqual([title, expect.stringMatching(/^[\w-]+\/[\w-]+(?: [0-9a-f]{7,8})?,? \S*\w/)]);
  }
});

describe.each(ALL_FLAVOURS)('as %s asks and is answered:', (flavour) => {
  test.each(exchangesOf(flavour))('$title', async ({ request: recorded, response: expected }) => {
    const { url, words, service } = await openNode(flavour);
    if (recorded.body?.includes('{taken}') === true) service.failWithCode('create', 'backup_exists');
    const headers = Object.fromEntries(
      Object.entries(recorded.headers).map(([name, value]) => [name, filled(value, words)]),
    );
    const heard = await ask(url, {
      ...recorded,
      headers,
      path: filled(recorded.path, words),
      ...(recorded.body === undefined ? {} : { body: filled(recorded.body, words) }),
    });
    const requestId = String(heard.headers['x-request-id']);
    const said = { ...words, request_id: requestId };
    const ofNote = Object.entries(expected.headers).map(([name, value]) => [name, filled(value, said)] as const);
    expect({
      status: heard.status,
      body: expected.body === null ? null : heard.body,
      headers: ofNote.map(([name]) => [name, heard.headers[name.toLowerCase()]]),
    }).toEqual({
      status: expected.status,
      body: expected.body === null ? null : filled(expected.body, said),
      headers: ofNote,
    });
    expect(requestId).not.toBe('undefined');
  });
});

/** The panel of 1.1 asks with the node's token, in MessagePack; its users' browsers ask in JSON. */
const PACKED = exchangesOf('calagopus').filter(({ request: { headers, body }, response }) => {
  const isForeign = body !== undefined && (!isJson(body) || headers['Content-Type'] !== 'application/json');
  return headers['Authorization'] !== undefined && !isForeign && isJson(response.body ?? '');
});

describe('as calagopus asks and is answered in MessagePack:', () => {
  test.each(PACKED)('$title', async ({ request: recorded, response: expected }) => {
    const { url, words, service } = await openNode('calagopus');
    if (recorded.body?.includes('{taken}') === true) service.failWithCode('create', 'backup_exists');
    const packed = { Accept: 'application/msgpack', 'Content-Type': 'application/msgpack' };
    const headers = Object.fromEntries(
      Object.entries({ ...recorded.headers, ...packed }).map(([name, value]) => [name, filled(value, words)]),
    );
    const body = recorded.body === undefined ? undefined : encode(JSON.parse(filled(recorded.body, words)));
    const path = filled(recorded.path, words);
    const heard = await ask(url, { method: recorded.method, path, headers, ...(body === undefined ? {} : { body }) });
    expect([heard.status, heard.headers['content-type']]).toEqual([expected.status, 'application/msgpack']);
    expect(decode(heard.bytes)).toEqual(JSON.parse(filled(expected.body ?? '', words)));
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(filled(text, { cpus: '1', size: '1' }));
    return true;
  } catch {
    return false;
  }
}
