/**
 * `GET /docs`: the API's documentation, drawn by a vendored Swagger UI from `/openapi.json`. Public, like that
 * document; it works without internet, and its policy allows requests to this daemon only.
 */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { packageDirectory } from '../base/package-directory.ts';
import type { App } from '../protocols/dialect.ts';
import { takesGzip } from './compression.ts';

const WEB = new URL('web/', packageDirectory());

const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/docs': { file: 'docs.html', type: 'text/html; charset=utf-8' },
  '/docs/page.css': { file: 'docs.css', type: 'text/css; charset=utf-8' },
  '/docs/page.js': { file: 'docs.js', type: 'text/javascript; charset=utf-8' },
  '/docs/swagger-ui.css': { file: 'vendor/swagger-ui/swagger-ui.css', type: 'text/css; charset=utf-8' },
  '/docs/swagger-ui-bundle.js': {
    file: 'vendor/swagger-ui/swagger-ui-bundle.js',
    type: 'text/javascript; charset=utf-8',
  },
};

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // Swagger UI's style sheet contains its icons.
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const CACHE = 'private, max-age=3600';

const compress = promisify(gzip);

export function mountDocs(app: App): void {
  const compressed = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
  for (const [path, { file, type }] of Object.entries(FILES)) {
    app.get(path, async (c) => {
      const headers = { 'Content-Type': type, 'Content-Security-Policy': POLICY, 'Cache-Control': CACHE };
      if (!takesGzip(c)) return c.body(await read(file), 200, { ...headers, Vary: 'Accept-Encoding' });
      let bytes = compressed.get(file);
      if (bytes === undefined) {
        bytes = read(file).then(async (plain) => Uint8Array.from(await compress(plain)));
        compressed.set(file, bytes);
        // A failure must not be cached.
        bytes.catch(() => compressed.delete(file));
      }
      return c.body(await bytes, 200, { ...headers, Vary: 'Accept-Encoding', 'Content-Encoding': 'gzip' });
    });
  }
}

async function read(file: string): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.from(await readFile(new URL(file, WEB)));
}
