/**
 * `GET /` for browsers: the page, built into `dist/web`. Its files are named by their content, so browsers keep them for
 * ever; `index.html` names the newest. Programs that ask for `/` get JSON, as from `/health`.
 *
 * Its policy allows scripts, styles and requests of this origin only, no text that becomes a script, and no frame around it.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { attempt } from '../base/failure.ts';
import { packageDirectory } from '../base/package-directory.ts';
import type { App, AppContext } from '../protocols/dialect.ts';
import { takesGzip } from './compression.ts';

const BUILT = fileURLToPath(new URL('dist/web/', packageDirectory()));

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

const ASSETS = 'assets';
const FOR_EVER = 'public, max-age=31536000, immutable';

interface PageFile {
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly gzipped: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly tag: string;
}

const compress = promisify(gzip);

/**
 * @param directory that `npm run build` made; where it is missing, there is no page.
 */
export function mountPage(app: App, directory: string = BUILT): void {
  // Names come from the disk, never from a request.
  const assets = attempt(() => fs.readdirSync(join(directory, ASSETS))) ?? [];
  const files = new Map<string, Promise<PageFile>>();
  const fileAt = (name: string): Promise<PageFile> => {
    const known = files.get(name);
    if (known !== undefined) return known;
    const reading = load(join(directory, name), name);
    files.set(name, reading);
    // A failure must not be kept.
    reading.catch(() => files.delete(name));
    return reading;
  };
  for (const asset of assets) {
    const name = `${ASSETS}/${asset}`;
    app.get(`/${name}`, async (c) => send(c, await fileAt(name), FOR_EVER));
  }
  if (!fs.existsSync(join(directory, 'index.html'))) return;
  app.get('/', async (c, next) => {
    c.header('Vary', 'Accept, Accept-Encoding');
    if (!wantsPage(c)) return next();
    return send(c, await fileAt('index.html'), 'no-cache');
  });
}

async function load(path: string, name: string): Promise<PageFile> {
  const plain = Uint8Array.from(await readFile(path));
  const gzipped = Uint8Array.from(await compress(plain, { level: 9 }));
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
  return { plain, gzipped, type, tag: createHash('sha256').update(plain).digest('base64url').slice(0, 22) };
}

/** Browsers ask for HTML by name; curl, health checks and libraries take anything. */
function wantsPage(c: AppContext): boolean {
  return /(?:^|[\s,])text\/html(?:$|[\s,;])/i.test(c.req.header('accept') ?? '');
}

function send(c: AppContext, { plain, gzipped, type, tag }: PageFile, cache: string): Response {
  const packed = takesGzip(c);
  // RFC 9110 8.8.3: other bytes, another strong tag.
  const etag = `"${tag}${packed ? '-gzip' : ''}"`;
  const headers = {
    'Content-Type': type,
    'Content-Security-Policy': POLICY,
    'Cache-Control': cache,
    ETag: etag,
    Vary: 'Accept, Accept-Encoding',
  };
  const known = (c.req.header('if-none-match') ?? '').split(',').map((each) => each.trim().replace(/^W\//, ''));
  if (known.includes(etag)) return c.body(null, 304, headers);
  return c.body(packed ? gzipped : plain, 200, packed ? { ...headers, 'Content-Encoding': 'gzip' } : headers);
}
