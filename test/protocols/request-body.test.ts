import { expect, onTestFinished, test } from 'vitest';
import { ADMIN, openNativeApp, tokenWith } from '../support/native-app.ts';
import { SERVER } from '../support/scripted-service.ts';
import { knownSecret } from '../support/secret-shapes.ts';

const OTHER = knownSecret('other-secret-other-secret');
const KIBIBYTE = 1024;
const ESTIMATE = `/api/servers/${SERVER}/backups/estimate`;

/** A request whose body stays open after that many bytes. */
function begun(app: ReturnType<typeof openNativeApp>['app'], bytes: number, token: string) {
  const given = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Buffer.from(`{${' '.repeat(bytes - 1)}`));
      given.resolve(controller);
    },
  });
  const headers = { authorization: `Bearer ${token}` };
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', headers, body, duplex: 'half' };
  const answer = Promise.resolve(app.fetch(new Request(`http://node.test${ESTIMATE}`, init), {}));
  const end = async (): Promise<number> => {
    const controller = await given.promise;
    controller.enqueue(Buffer.from('}'));
    controller.close();
    return (await answer).status;
  };
  return { answer, end };
}

test('signing in takes 16 KiB of a stranger; what needs a caller reads nothing before it knows one', async () => {
  const { call } = openNativeApp();
  const refusal = async (method: string, path: string, length: number): Promise<unknown> => {
    const { status, body } = await call(method, path, { token: '', body: { token: 'x'.repeat(length) } });
    return [status, (body as { error: string }).error];
  };
  expect(await refusal('POST', '/api/session', 16 * KIBIBYTE)).toEqual([
    413,
    'Cannot read the request body: it is larger than 16 KiB',
  ]);
  expect(await refusal('POST', '/api/session', 4000)).toEqual([401, 'Cannot sign in: there is no such token']);
  const unknown = [401, 'Cannot accept the request: it carries no valid bearer token'];
  expect(await refusal('POST', '/api/session/links', 16 * KIBIBYTE)).toEqual(unknown);
  expect(await refusal('DELETE', '/api/session', 16 * KIBIBYTE)).toEqual(unknown);
});

test('sixteen large bodies of one caller are read at a time; those of others, and small ones, beside', async () => {
  const { app } = openNativeApp({ tokens: [tokenWith('admin', ADMIN), tokenWith('other', OTHER)] });
  const open = Array.from({ length: 16 }, () => begun(app, 20 * KIBIBYTE, ADMIN));
  onTestFinished(async () => void (await Promise.all(open.map(({ end }) => end().catch(() => 0)))));
  const more = begun(app, 20 * KIBIBYTE, ADMIN);
  expect((await more.answer).status).toBe(429);
  expect(await begun(app, 20 * KIBIBYTE, OTHER).end()).toBe(200);
  expect(await begun(app, 10 * KIBIBYTE, ADMIN).end()).toBe(200);
  expect(await open.pop()?.end()).toBe(200);
  expect(await begun(app, 20 * KIBIBYTE, ADMIN).end()).toBe(200);
});
