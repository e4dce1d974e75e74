import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { openNativeApp } from '../support/native-app.ts';
import { scratchDirectory } from '../support/scratch.ts';

const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

async function builtPage() {
  const pageDirectory = await scratchDirectory();
  await mkdir(join(pageDirectory, 'assets'));
  await writeFile(join(pageDirectory, 'index.html'), '<!doctype html><title>Roost</title>');
  await writeFile(join(pageDirectory, 'assets/index-abc.js'), 'document.title += "";'.repeat(200));
  const { app } = openNativeApp({ pageDirectory });
  return async (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    app.fetch(new Request(`http://node.test${path}`, { headers, method }), {});
}

test('a browser gets the page at /, under a policy without any other origin or inline script', async () => {
  const get = await builtPage();
  const page = await get('/', BROWSER);
  expect(await page.text()).toBe('<!doctype html><title>Roost</title>');
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('content-security-policy')).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; " +
      "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  );
  expect(page.headers.get('x-content-type-options')).toBe('nosniff');
  expect(page.headers.get('referrer-policy')).toBe('no-referrer');
  expect(page.headers.get('cache-control')).toBe('no-cache');
  expect(page.headers.get('set-cookie')).toBeNull();
});

test.each([
  ['no Accept', {}],
  ['any', { accept: '*/*' }],
  ['JSON', { accept: 'application/json' }],
])('a program that takes %s gets JSON at /, as before', async (_, headers) => {
  const get = await builtPage();
  expect(await (await get('/', headers as Record<string, string>)).json()).toEqual({ status: 'ok' });
  expect((await get('/', headers as Record<string, string>, 'OPTIONS')).headers.get('allow')).toBe(
    'GET, HEAD, OPTIONS',
  );
  expect((await get('/', headers as Record<string, string>, 'POST')).status).toBe(405);
});

test('what a browser has already is answered 304', async () => {
  const get = await builtPage();
  const tag = (await get('/', BROWSER)).headers.get('etag') ?? '';
  const again = await get('/', { ...BROWSER, 'if-none-match': `"other", W/${tag}` });
  expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', tag]);
  // Packed bytes are other bytes.
  expect((await get('/', { ...BROWSER, 'accept-encoding': 'gzip', 'if-none-match': tag })).status).toBe(200);
});

test('a file named by its content is kept for ever, and comes as gzip where that is taken', async () => {
  const get = await builtPage();
  const file = await get('/assets/index-abc.js', { 'accept-encoding': 'gzip, br' });
  expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(file.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(file.headers.get('vary')).toContain('Accept-Encoding');
  expect(gunzipSync(Buffer.from(await file.arrayBuffer())).toString()).toBe('document.title += "";'.repeat(200));
  expect(await (await get('/assets/index-abc.js', { 'accept-encoding': 'gzip;q=0' })).text()).toContain('title');
});

test.each(['/assets/', '/assets/none.js', '/assets/..%2findex.html', '/index.html', '/assets/%2e%2e/index.html'])(
  'nothing else is served: %s',
  async (path) => {
    const get = await builtPage();
    expect((await get(path)).status).toBe(404);
  },
);

test('without a built page, / is JSON for browsers as well', async () => {
  const { app } = openNativeApp({ pageDirectory: join(await scratchDirectory(), 'none') });
  const answer = await app.fetch(new Request('http://node.test/', { headers: BROWSER }), {});
  expect(await answer.json()).toEqual({ status: 'ok' });
});
