/**
 * Every operation of /openapi.json with what its own schema asks for and with what it does not: each answer is one that
 * the document declares, comes in time, and is none of a fault of the daemon's own.
 *
 * OPENAPI_FUZZ_REQUESTS (default 3000) is how many requests are sent, OPENAPI_FUZZ_SEED the dice. Schemathesis is run
 * too: the program that SCHEMATHESIS names, or one that is installed for it where Python's registry is reached.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test, type TestContext } from 'vitest';
import { z } from 'zod';
import { GAME_SERVER, scratchHost, TOKEN } from '../support/daemon.ts';
import { type DaemonProcess, startDaemon } from '../support/daemon-process.ts';
import { eventually } from '../support/eventually.ts';
import { type Pick, type Schema, Values } from '../support/openapi-fuzz/values.ts';
import { run } from '../support/programs.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { knownSecret } from '../support/secret-shapes.ts';
import { seededPicks } from '../support/seeded-picks.ts';

const REQUESTS = Number(process.env['OPENAPI_FUZZ_REQUESTS'] ?? 3000);
const SEED = Number(process.env['OPENAPI_FUZZ_SEED'] ?? 20261129);
const SCHEMATHESIS = process.env['SCHEMATHESIS'];
const SCHEMATHESIS_PACKAGE = 'schemathesis==4.32.5';
/** No answer after this long is a hang, on a busy machine too. */
const HANG_MS = 30_000;
const READER = knownSecret('reader-token-0123456789');
const NO_RIGHTS = knownSecret('no-rights-token-0123456789');
const MORE = `
tokens:
  - { id: test, secret: ${TOKEN}, permissions: ["*"], servers: ["*"] }
  - { id: reader, secret: ${READER}, permissions: [backup.read], servers: ["*"] }
  - { id: none, secret: ${NO_RIGHTS}, permissions: [], servers: [] }
`;

interface Content {
  readonly schema?: Schema;
}

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, Declaration | { readonly $ref: string }>>;
}

interface Declaration {
  readonly content?: Readonly<Record<string, Content>>;
}

interface Document {
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, Declaration>>;
  };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly body?: string | Buffer;
  readonly later: boolean;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

test('every answer to whatever is sent is one that the document declares', { timeout: 900_000 }, async () => {
  const daemon = await fuzzed();
  const document = (await daemon.call('/openapi.json')).body as Document;
  const pick = seededPicks(SEED);
  const values = new Values(pick, document.components.schemas);
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  const declared = new Declared(document);
  const faults: string[] = [];
  const statuses = new Map<number, number>();
  let backup = await oneBackup(daemon);
  for (let sent = 0; sent < REQUESTS; sent++) {
    const { path, method, operation } = operations[pick(operations.length)] ?? unreachable();
    values.known = [backup, GAME_SERVER];
    const made = requestFor(method.toUpperCase(), path, operation, { values, pick, backup });
    const told = `seed ${SEED}, request ${sent}: ${made.method} ${made.path} ${String(made.body).slice(0, 300)}`;
    const answer = await send(daemon.url, made).catch((error: unknown) => String(error));
    if (typeof answer === 'string') faults.push(`${told}: ${answer}`);
    else {
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const fault = declared.faultOf(operation, answer);
      if (fault !== undefined) faults.push(`${told}: ${answer.status}: ${fault}`);
    }
    expect(faults.slice(0, 5)).toEqual([]);
    if (method === 'delete' || sent % 100 === 0) backup = await oneBackup(daemon);
  }
  console.log(`${REQUESTS} requests to ${operations.length} operations`, Object.fromEntries(statuses));
  // Otherwise nothing but refusals was seen.
  expect(statuses.get(200) ?? 0).toBeGreaterThan(REQUESTS / 10);
  expect((await daemon.call('/health')).status).toBe(200);
});

test('so Schemathesis finds', { timeout: 3_600_000 }, async (context) => {
  const program = await schemathesis(context);
  const daemon = await fuzzed();
  await oneBackup(daemon);
  const words = ['run', `${daemon.url}/openapi.json`, '--header', `Authorization: Bearer ${TOKEN}`];
  const checks = 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance';
  const phases = ['--phases', 'coverage,fuzzing', '--max-examples', '10', '--max-failures', '5'];
  const bounds = ['--checks', checks, ...phases, '--seed', String(SEED), '--request-timeout', '60'];
  const { code, stdout, stderr } = await run(program, [...words, ...bounds]);
  expect(code, stdout.toString() + stderr).toBe(0);
});

/** The program: the one that is given, or one that is installed for this test; skips where there is neither. */
async function schemathesis(context: TestContext): Promise<string> {
  if (SCHEMATHESIS !== undefined) return SCHEMATHESIS;
  const directory = await scratchDirectory();
  const python = ['-m', 'venv', directory];
  const pip = ['install', '--quiet', '--disable-pip-version-check', '--retries', '1', SCHEMATHESIS_PACKAGE];
  const made = await run('python3', python).catch(() => undefined);
  const installed = made?.code === 0 ? await run(join(directory, 'bin', 'pip'), pip) : undefined;
  context.skip(installed?.code !== 0, 'no Python, or its registry is not reached: name the program in SCHEMATHESIS');
  return join(directory, 'bin', 'schemathesis');
}

async function fuzzed(): Promise<DaemonProcess> {
  const host = await scratchHost();
  await mkdir(join(host.server, 'w'), { recursive: true });
  for (let file = 0; file < 5; file++) await writeFile(join(host.server, 'w', String(file)), 'x'.repeat(2000));
  return startDaemon({ directory: host.directory, config: host.config.replace(/^tokens:.*$/m, MORE) });
}

/** The id of a completed backup; makes one when all are gone, as soon as the server is no longer being given up. */
async function oneBackup({ call }: DaemonProcess): Promise<string> {
  const path = `/api/servers/${GAME_SERVER}/backups`;
  return eventually(async () => {
    const list = (await call(path)).body as readonly { readonly id: string; readonly status: string }[];
    const completed = list.find(({ status }) => status === 'COMPLETED');
    if (completed !== undefined) return completed.id;
    await call(`/api/servers/${GAME_SERVER}`, { method: 'PATCH', body: { suspended: false } });
    await call(path, { body: {} });
    return undefined;
  });
}

interface Dice {
  readonly values: Values;
  readonly pick: Pick;
  readonly backup: string;
}

function requestFor(method: string, template: string, operation: Operation, { values, pick, backup }: Dice): Sent {
  const good: Readonly<Record<string, string>> = { server: GAME_SERVER, id: backup, backup };
  let path = template;
  const query: string[] = [];
  for (const { in: where, name } of operation.parameters ?? []) {
    if (where === 'path') {
      const value = pick(100) < 75 ? (good[name] ?? values.word()) : values.word();
      path = path.replace(`{${name}}`, quote(value));
    } else if (where === 'query' && pick(10) < 8) {
      const value = pick(2) === 0 ? (good[name] ?? values.word()) : values.word();
      query.push(`${name}=${quote(value)}`);
      if (pick(20) === 0) query.push(`${name}=${quote(values.word())}`);
    }
  }
  const [content] = Object.values(operation.requestBody?.content ?? {});
  const dice = pick(100);
  const token = dice < 85 ? TOKEN : dice < 90 ? READER : dice < 95 ? NO_RIGHTS : 'wrong';
  return {
    method,
    path: path + (query.length === 0 ? '' : `?${query.join('&')}`),
    token,
    later: pick(2) === 0,
    ...(content === undefined || pick(20) === 0 ? {} : { body: bodyOf(values.of(content.schema ?? {}), pick) }),
  };
}

/** Mostly as it should be written; else cut short, nested deeply, or no text at all. */
function bodyOf(value: unknown, pick: Pick): string | Buffer {
  const dice = pick(100);
  if (dice < 85) return JSON.stringify(value);
  if (dice < 90) return JSON.stringify(value).slice(0, -1);
  if (dice < 95) return '['.repeat([10, 5000, 300_000][pick(3)] ?? 10);
  return Buffer.from(Array.from({ length: 50 }, () => pick(256)));
}

/** Half of a surrogate pair goes as the bytes that such a half would have. */
function quote(value: string): string {
  return Array.from(value, (char) =>
    /[\ud800-\udfff]/.test(char) && char.length === 1 ? '%ED%A0%80' : encodeURIComponent(char),
  ).join('');
}

/** Not with fetch, which mends paths before it sends them. */
function send(url: string, { method, path, token, body, later }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      ...(later ? { prefer: 'respond-async' } : {}),
    };
    const sent = request(url, { method, path, headers, signal: AbortSignal.timeout(HANG_MS) });
    sent.on('error', reject);
    sent.on('response', (response) => {
      text(response).then((read) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: read });
      }, reject);
    });
    sent.end(body);
  });
}

/** What the document says of answers. */
class Declared {
  readonly #schemas: Document['components']['schemas'];
  readonly #shared: Document['components']['responses'];
  readonly #compiled = new Map<Schema, z.ZodType>();

  constructor({ components }: Document) {
    this.#schemas = components.schemas;
    this.#shared = components.responses;
  }

  faultOf({ responses }: Operation, { status, headers, body }: Answer): string | undefined {
    if (status >= 500) return body.slice(0, 500);
    const declared = this.#whole(responses[String(status)] ?? responses['default']);
    if (declared === undefined) return 'the document does not declare it';
    const type = (headers['content-type'] ?? '').split(';')[0] ?? '';
    if (type !== 'application/json') return status < 400 || body === '' ? undefined : `an error as ${type}`;
    const schema = declared.content?.[type]?.schema;
    if (schema === undefined) return 'the document declares no JSON';
    const checked = this.#compile(schema).safeParse(JSON.parse(body));
    return checked.success ? undefined : `${z.prettifyError(checked.error)}: ${body.slice(0, 500)}`;
  }

  #whole(declared: Operation['responses'][string] | undefined): Declaration | undefined {
    if (declared === undefined || !('$ref' in declared)) return declared;
    return this.#shared[declared.$ref.replace('#/components/responses/', '')];
  }

  #compile(schema: Schema): z.ZodType {
    const known = this.#compiled.get(schema);
    if (known !== undefined) return known;
    const whole = JSON.stringify({ ...schema, $defs: this.#schemas }).replaceAll('#/components/schemas/', '#/$defs/');
    const compiled = z.fromJSONSchema(JSON.parse(whole) as Parameters<typeof z.fromJSONSchema>[0]);
    this.#compiled.set(schema, compiled);
    return compiled;
  }
}

function unreachable(): never {
  throw new Error('there are operations');
}
