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

interface DocsFile {
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly gzipped: Uint8Array<ArrayBuffer>;
}

/** @param web directory of the files; ends in a slash. */
export function mountDocs(app: App, web: URL = WEB): void {
  const files = new Map<string, Promise<DocsFile>>();
  /** Read and compressed for the first request, and kept. */
  const fileAt = (file: string): Promise<DocsFile> => {
    const known = files.get(file);
    if (known !== undefined) return known;
    const reading = read(new URL(file, web));
    files.set(file, reading);
    // A failure must not be kept.
    reading.catch(() => files.delete(file));
    return reading;
  };
  app.get('/docs/', (c) => c.redirect('/docs', 308));
  for (const [path, { file, type }] of Object.entries(FILES)) {
    app.get(path, async (c) => {
      const headers = {
        'Content-Type': type,
        'Content-Security-Policy': POLICY,
        'Cache-Control': CACHE,
        Vary: 'Accept-Encoding',
      };
      const { plain, gzipped } = await fileAt(file);
      return takesGzip(c)
        ? c.body(gzipped, 200, { ...headers, 'Content-Encoding': 'gzip' })
        : c.body(plain, 200, headers);
    });
  }
}

async function read(file: URL): Promise<DocsFile> {
  const plain = Uint8Array.from(await readFile(file));
  return { plain, gzipped: Uint8Array.from(await compress(plain)) };
}
