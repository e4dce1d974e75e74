import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { openNativeApp } from '../support/native-app.ts';
import { SERVER } from '../support/scripted-service.ts';

test('more looks than a token may have at a time are refused, and free again when others end', async () => {
  const { call, service } = openNativeApp();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const estimate = service.estimate.bind(service);
  let looking = 0;
  service.estimate = async (...asked) => {
    looking++;
    await held;
    return estimate(...asked);
  };
  const path = `/api/servers/${SERVER}/backups/estimate`;
  const waiting = Array.from({ length: 64 }, () => call('POST', path));
  await eventually(() => looking === 64);
  const refused = await call('POST', path);
  expect([refused.status, refused.body]).toMatchObject([429, { code: 'server_busy' }]);
  expect(refused.headers.get('retry-after')).toBe('5');
  release();
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array.from({ length: 64 }, () => 200));
  expect((await call('POST', path)).status).toBe(200);
});
