/** What a browser has to fetch, from dist/web: build first. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const BUILT = fileURLToPath(new URL('../../dist/web/', import.meta.url));
const KIB = 1024;

const gzipped = (name: string): number => gzipSync(readFileSync(`${BUILT}${name}`), { level: 9 }).length;

test('24: the first view takes at most 60 KB of script and style, all views together 100 KB', () => {
  const index = readFileSync(`${BUILT}index.html`, 'utf8');
  const first = Array.from(index.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g), ([, name = '']) => name);
  expect(first.length).toBeGreaterThan(1);
  const atFirst = first.reduce((sum, name) => sum + gzipped(name), 0);
  const all = readdirSync(`${BUILT}assets`)
    .filter((name) => /\.(?:js|css)$/.test(name))
    .reduce((sum, name) => sum + gzipped(`assets/${name}`), 0);
  console.log(
    `script and style by gzip: ${(atFirst / KIB).toFixed(1)} KB at first, ${(all / KIB).toFixed(1)} KB in all`,
  );
  expect(atFirst).toBeLessThanOrEqual(60 * KIB);
  expect(all).toBeLessThanOrEqual(100 * KIB);
});

test('the page has only relative addresses, so that it works below any path', () => {
  const index = readFileSync(`${BUILT}index.html`, 'utf8');
  const addresses = Array.from(index.matchAll(/(?:src|href)="([^"]+)"/g), ([, address]) => address);
  expect(addresses.filter((address) => !address?.startsWith('./'))).toEqual([]);
});
