/**
 * Fetches a node's configuration from its panel, as `wings configure` does: `GET
 * /api/application/nodes/{id}/configuration`.
 */
import { z } from 'zod';
import { MEBIBYTE } from '../../base/sizes.ts';
import { errnoOf, Failure, fetchReason, throwIfAborted } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';

export interface NodeConfiguration {
  readonly tokenId: string;
  readonly token: string;
  readonly host: string;
  readonly port: number;
  /** null: the node serves without TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** The directory of the game servers. */
  readonly servers: string;
}

export interface NodeQuestion {
  /** Without a trailing slash. */
  readonly panelUrl: string;
  /** A key of the panel's application API. */
  readonly key: string;
  readonly node: string;
  readonly signal: AbortSignal;
}

const DOING = 'Cannot fetch the configuration of the node';
const TIMEOUT_MS = 15_000;
const MAX_BYTES = MEBIBYTE;

const absolute = z.string().regex(/^\/[^\0]*$/, 'is no absolute path');
/** Excludes `${NAME}` and `file:` references, which the config would resolve. */
const credential = (minimum: number) =>
  z
    .string()
    .regex(/^[\w.-]+$/, 'has characters that no credential has')
    .min(minimum);

const answerShape = z.object({
  token_id: credential(1),
  token: credential(16),
  api: z.object({
    host: z.string().min(1),
    port: z.int().min(1).max(65535),
    ssl: z.object({ enabled: z.boolean(), cert: z.string().default(''), key: z.string().default('') }),
  }),
  system: z.object({ data: absolute }),
});

/**
 * @throws Failure `store_unreachable` when the panel does not answer, `unauthorized` for a refused key,
 *   `server_not_found` for an unknown node, `invalid_request` for other answers; `cancelled`.
 */
export async function fetchNodeConfiguration(question: NodeQuestion): Promise<NodeConfiguration> {
  const response = await ask(question);
  if (!response.ok) throw refused(response, question);
  return configurationIn(await textOf(response, question), question);
}

async function ask({ panelUrl, key, node, signal }: NodeQuestion): Promise<Response> {
  const url = `${panelUrl}/api/application/nodes/${encodeURIComponent(node)}/configuration`;
  try {
    return await fetch(url, {
      // Pterodactyl requires the first type, Pelican the second.
      headers: { authorization: `Bearer ${key}`, accept: 'application/vnd.pterodactyl.v1+json, application/json' },
      // A redirect would send the key to another host.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
  } catch (error) {
    throw unreachable(panelUrl, signal, error);
  }
}

function unreachable(panelUrl: string, signal: AbortSignal, error: unknown): Failure {
  throwIfAborted(signal, DOING);
  const timedOut = error instanceof Error && error.name === 'TimeoutError';
  const state = timedOut ? `no answer within ${TIMEOUT_MS / 1000} seconds` : (errnoOf(error) ?? fetchReason(error));
  return new Failure('store_unreachable', `${DOING}: the panel at ${panelUrl} cannot be reached (${state})`, {
    cause: error,
    hint: 'Check --panel-url: it is what you open in a browser. With https, the certificate must be one that is trusted.',
    retry: true,
  });
}

function refused({ status, headers }: Response, { panelUrl, node }: NodeQuestion): Failure {
  if (status >= 300 && status < 400) {
    const to = printableText((headers.get('location') ?? 'somewhere else').split('?')[0] ?? '').slice(0, 200);
    return new Failure('invalid_request', `${DOING}: the panel at ${panelUrl} sends on to ${to}`, {
      hint: 'Give the address that it sends on to as --panel-url; a panel that sends on to its login takes no such key.',
    });
  }
  if (status === 401 || status === 403) {
    return new Failure('unauthorized', `${DOING}: the panel does not take the key (${status})`, {
      hint: 'Make one in the panel under Application API, with the right to read nodes, and give it as --token.',
    });
  }
  if (status === 404) {
    return new Failure('server_not_found', `${DOING}: the panel knows no node ${printableText(node)}`, {
      hint: "--node is the number in the address of the node's page; --panel-url is the panel's own address.",
    });
  }
  return new Failure('invalid_request', `${DOING}: the panel answered ${status}`, {
    hint: "Look into the panel's log; then try again.",
    retry: status >= 500,
  });
}

async function textOf(response: Response, { panelUrl, signal }: NodeQuestion): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > MAX_BYTES) throw noConfiguration(panelUrl, 'it is far too long');
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw unreachable(panelUrl, signal, error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function configurationIn(text: string, { panelUrl }: NodeQuestion): NodeConfiguration {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw noConfiguration(panelUrl, 'it is no JSON');
  }
  const { data, error } = answerShape.safeParse(content);
  if (data === undefined) {
    const issue = error.issues[0];
    throw noConfiguration(panelUrl, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is wrong'}`);
  }
  const { api, system, token_id: tokenId, token } = data;
  const { enabled, cert, key } = api.ssl;
  const tls = enabled && cert.startsWith('/') && key.startsWith('/') ? { cert, key } : null;
  return { tokenId, token, host: api.host, port: api.port, tls, servers: system.data };
}

function noConfiguration(panelUrl: string, state: string): Failure {
  return new Failure('invalid_request', `${DOING}: what ${panelUrl} answered is no node's configuration (${state})`, {
    hint: 'Check that --panel-url is the address of a Pterodactyl, Pelican or Calagopus panel.',
  });
}
