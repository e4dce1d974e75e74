import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { OpenAPIHono } from '@hono/zod-openapi';
import { expect, test } from 'vitest';
import { mountDocs } from '../../src/http/docs.ts';
import type { App } from '../../src/protocols/dialect.ts';
import { openNativeApp } from '../support/native-app.ts';
import { scratchDirectory } from '../support/scratch.ts';

test('the documentation page loads only what this daemon serves, and every part of it is there', async () => {
  const { call } = openNativeApp();
  const page = await call('GET', '/docs', { token: '' });
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  const parts = Array.from(page.text.matchAll(/(?:src|href)="([^"]+)"/g), ([, to = '']) => to);
  const loaded = parts.filter((to) => !to.startsWith('data:'));
  expect(loaded).toContain('docs/swagger-ui-bundle.js');
  for (const to of loaded) expect([to, (await call('GET', `/${to}`, { token: '' })).status]).toEqual([to, 200]);
  expect(page.text).not.toMatch(/https?:|<script>|style=|onload=/);
});

test('its address with a slash behind leads there', async () => {
  const { call } = openNativeApp();
  const { status, headers } = await call('GET', '/docs/', { token: '' });
  expect([status, headers.get('location')]).toEqual([308, '/docs']);
});

test('its policy lets nothing of another origin in, and no script out of the page itself', async () => {
  const { call } = openNativeApp();
  for (const path of ['/docs', '/docs/page.js', '/docs/swagger-ui.css']) {
    const policy = (await call('GET', path, { token: '' })).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  }
});

test('parts come compressed to those who take that, twice from one compression', async () => {
  const { app } = openNativeApp();
  const get = async (headers: Record<string, string>) =>
    app.fetch(new Request('http://node.test/docs/swagger-ui-bundle.js', { headers }), {});
  const [plain, once, twice] = [
    await get({}),
    await get({ 'accept-encoding': 'br, gzip' }),
    await get({ 'accept-encoding': 'gzip' }),
  ];
  const bytes = Buffer.from(await plain.arrayBuffer());
  expect(plain.headers.get('content-encoding')).toBeNull();
  for (const answer of [once, twice]) {
    expect(answer.headers.get('content-encoding')).toBe('gzip');
    const small = Buffer.from(await answer.arrayBuffer());
    expect(small.length).toBeLessThan(bytes.length / 2);
    expect(gunzipSync(small).equals(bytes)).toBe(true);
  }
});

test('parts are read from the disk once; one that could not be read is tried again', async () => {
  const web = join(await scratchDirectory(), 'web');
  const app: App = new OpenAPIHono();
  mountDocs(app, pathToFileURL(`${web}/`));
  const page = async () => app.fetch(new Request('http://node.test/docs'), {});
  expect((await page()).status).toBe(500);
  await mkdir(web);
  await writeFile(join(web, 'docs.html'), 'first');
  expect(await (await page()).text()).toBe('first');
  await writeFile(join(web, 'docs.html'), 'second');
  expect(await (await page()).text()).toBe('first');
});

test('the document puts each operation in a group of the page', async () => {
  const { call } = openNativeApp();
  const document = (await call('GET', '/openapi.json', { token: '' })).body as {
    readonly tags: readonly { readonly name: string }[];
    readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly tags?: readonly string[] }>>>>;
  };
  const names = document.tags.map(({ name }) => name);
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
  for (const { tags = [] } of operations) expect(names).toContain(tags[0]);
  expect(document.paths['/api/servers/{server}/backups']?.['post']?.tags).toEqual(['Backups']);
  expect(document.paths['/health']?.['get']?.tags).toEqual(['Node']);
});
