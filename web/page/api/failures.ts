/** Why a call failed, in the API's own words. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly requestId: string | undefined;

  constructor(status: number, body: unknown) {
    const { error, code, hint, requestId } = (body ?? {}) as Record<string, unknown>;
    super(typeof error === 'string' ? error : `The answer cannot be understood (HTTP ${status})`);
    this.status = status;
    this.code = typeof code === 'string' ? code : 'internal';
    this.hint = typeof hint === 'string' ? hint : undefined;
    this.requestId = typeof requestId === 'string' ? requestId : undefined;
  }
}

/** Of no answer, and of a proxy whose daemon is away. */
const AWAY: ReadonlySet<number> = new Set([0, 502, 503, 504]);

/** True when the daemon could not be reached: it may answer when it is asked again. */
export function isAway({ status }: ApiFailure): boolean {
  return AWAY.has(status);
}

/** Any thrown value as one: a request that did not get through has no status. */
export function failureOf(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  return new ApiFailure(0, {
    error: 'The daemon cannot be reached',
    code: 'offline',
    hint: 'It may be starting again. What was asked for may go on: look before you ask again.',
  });
}
