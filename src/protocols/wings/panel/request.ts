/**
 * One request to a panel's API for daemons (`/api/remote`). Promises: a panel that hangs, floods or redirects costs
 * bounded time and bytes; the node's token goes to the configured address only, and into no message of a failure.
 */
import { Failure, fetchReason, throwIfAborted } from '../../../base/failure.ts';
import { printableText } from '../../../base/files/paths.ts';
import { type FlavourFacts, identityOf } from '../flavours/contract.ts';
import type { NodeCredentials } from '../tokens/node-credentials.ts';

export interface PanelAddress {
  readonly facts: Pick<FlavourFacts, 'product' | 'panel'>;
  readonly credentials: Pick<NodeCredentials, 'tokenId' | 'token'>;
  readonly panelUrl: string;
  readonly version: string;
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds for one request and its answer. */
  readonly timeoutMs?: number;
}

export interface PanelRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/api/remote`. */
  readonly path: string;
  readonly body?: unknown;
  readonly signal: AbortSignal;
  /** Limit for an answer that must be complete. */
  readonly maxBytes?: number;
}

export interface PanelAnswer {
  readonly status: number;
  /** Only the beginning when the status is no success. */
  readonly text: string;
}

const TIMEOUT_MS = 30_000;
const ERROR_BYTES = 16 * 1024;
const DETAIL_LENGTH = 200;

/**
 * @param doing the start of a failure's sentence, like "Cannot report the backup".
 * @returns the answer, whatever its status.
 * @throws Failure `store_unreachable` with `retry` when there is no answer in time, or it is too long; the reason of
 *   `signal` when aborted.
 */
export async function askPanel(
  address: PanelAddress,
  { method, path, body, signal, maxBytes = ERROR_BYTES }: PanelRequest,
  doing: string,
): Promise<PanelAnswer> {
  const { panelUrl, timeoutMs = TIMEOUT_MS } = address;
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await address.fetch(`${panelUrl}/api/remote${path}`, {
      method,
      headers: headersOf(address),
      // A redirect would send the token elsewhere, and turn a POST into a GET.
      redirect: 'manual',
      signal: AbortSignal.any([signal, limit]),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const { status, ok } = response;
    const { text, whole } = await readText(response, ok ? maxBytes : ERROR_BYTES);
    if (ok && !whole) throw unreachable(doing, `its answer is longer than ${maxBytes} bytes`);
    return { status, text };
  } catch (error) {
    throwIfAborted(signal, doing);
    if (error instanceof Failure) throw error;
    const state = limit.aborted ? `it did not answer within ${timeoutMs / 1000} seconds` : fetchReason(error);
    throw unreachable(doing, state, error);
  }
}

/** The failure for an answer without success, with a hint where the status suggests one. */
export function refusedBy(
  { credentials }: PanelAddress,
  { status, text }: PanelAnswer,
  doing: string,
  details: { readonly code?: Failure['code']; readonly retry: boolean },
): Failure {
  const { code = 'store_unreachable', retry } = details;
  const detail = detailOf(text);
  // Another server in the panel's place may echo the token.
  const isOurs = text.includes(credentials.token) || detail.includes(credentials.token);
  const shown = detail === '' || isOurs ? '' : `: ${detail}`;
  return new Failure(code, `${doing}: the panel answered ${status}${shown}`, {
    facts: { status },
    detail: { httpStatus: status },
    retry,
    hint: hintFor(status),
  });
}

function headersOf(address: PanelAddress): Readonly<Record<string, string>> {
  const { facts, credentials } = address;
  const { tokenId, token } = credentials;
  return {
    Authorization: `Bearer ${tokenId}.${token}`,
    Accept: facts.panel.accepts,
    'Content-Type': 'application/json',
    'User-Agent': identityOf(address),
  };
}

async function readText(
  response: Response,
  maxBytes: number,
): Promise<{ readonly text: string; readonly whole: boolean }> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (response.body !== null) {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) break;
    }
  }
  return { text: Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8'), whole: bytes <= maxBytes };
}

/** The error in a panel's envelope: `{"errors":[{"detail"}]}`, or `{"errors":["…"]}`, or `{"error":"…"}`. Never the raw body. */
export function detailOf(text: string): string {
  const body = parsed(text);
  if (typeof body !== 'object' || body === null) return '';
  const all: unknown = 'errors' in body ? body.errors : 'error' in body ? [body.error] : [];
  const [first] = Array.isArray(all) ? (all as unknown[]) : [];
  const detail = typeof first === 'object' && first !== null && 'detail' in first ? first.detail : first;
  return typeof detail === 'string' ? printableText(detail.slice(0, DETAIL_LENGTH)) : '';
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function hintFor(status: number): string | undefined {
  if (status === 401 || status === 403) {
    return 'Compare panel.token_id and panel.token with the node’s configuration in the panel.';
  }
  if (status >= 300 && status < 400) return 'Set panel.url to the address that the panel itself redirects to.';
  return undefined;
}

export function unreachable(doing: string, state: string, cause?: unknown): Failure {
  return new Failure('store_unreachable', `${doing}: the panel is away: ${state}`, {
    cause,
    hint: 'It is tried again by itself. Check panel.url, and that the panel answers this host.',
    retry: true,
  });
}
