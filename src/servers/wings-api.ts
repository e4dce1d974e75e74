/**
 * Asks a Wings on this host for the states of its servers.
 *
 * Source: pterodactyl/wings router/router_server.go (`GET /api/servers`); Calagopus answers the same fields.
 */
import { z } from 'zod';
import { attempt, Failure, fetchReason } from '../base/failure.ts';
import { isUuid, type ServerId } from '../base/ids.ts';

export interface WingsApiOptions {
  /** `http://address:port`. */
  readonly url: string;
  /** Read at each use, since a panel may change it. */
  readonly token: () => string;
}

const ANSWER_MS = 5_000;
const MOST_BYTES = 64 * 1024 * 1024;

const Servers = z.array(z.object({ state: z.string(), configuration: z.object({ uuid: z.string() }) }));

/** @throws Failure `store_unreachable` when it does not answer, or not with states. */
export async function readStates({ url, token }: WingsApiOptions): Promise<ReadonlyMap<ServerId, string>> {
  const { data } = Servers.safeParse(await asked(`${url}/api/servers`, token()));
  if (data === undefined) throw unusable('its answer names no states');
  const states = data.map(({ state, configuration }) => [configuration.uuid.toLowerCase(), state] as const);
  return new Map(states.filter((entry): entry is readonly [ServerId, string] => isUuid(entry[0])));
}

async function asked(url: string, token: string): Promise<unknown> {
  let text: string;
  try {
    const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json' };
    // A redirect would send the token to another host.
    const response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(ANSWER_MS) });
    if (!response.ok) throw unusable(`it answered with status ${response.status}`);
    if (Number(response.headers.get('content-length') ?? 0) > MOST_BYTES) throw unusable('its answer is too large');
    text = await response.text();
  } catch (error) {
    throw error instanceof Failure ? error : unusable(fetchReason(error), error);
  }
  return attempt(() => JSON.parse(text) as unknown);
}

function unusable(state: string, cause?: unknown): Failure {
  return new Failure('store_unreachable', `Cannot ask Wings for the states of servers: ${state}`, {
    cause,
    retry: true,
  });
}
