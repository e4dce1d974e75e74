/** Every call that the page makes. Types come from the API's own document. */
import createClient from 'openapi-fetch';
import { base } from '../live/base.ts';
import { forget, secret } from '../live/session.ts';
import { ApiFailure } from './failures.ts';
import type { paths } from './schema.d.ts';

export const api = createClient<paths>({ baseUrl: base.href.replace(/\/$/, '') });

api.use({
  onRequest({ request }) {
    if (secret.value !== undefined) request.headers.set('Authorization', `Bearer ${secret.value}`);
    return request;
  },
  onResponse({ request, response }) {
    const sent = request.headers.get('Authorization');
    if (response.status === 401 && sent !== null && sent === `Bearer ${secret.value}`) {
      forget('Your session has ended. Sign in again.', false);
    }
  },
});

interface Answered<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/** The answer's body. @throws ApiFailure when it is a refusal, TypeError when the daemon cannot be reached. */
export async function answer<Data>(call: Promise<Answered<Data>>): Promise<NonNullable<Data>> {
  const { data, error, response } = await call;
  if (!response.ok || data === undefined || data === null) throw new ApiFailure(response.status, error);
  return data;
}
