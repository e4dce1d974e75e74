import { readFileSync } from 'node:fs';

/** The version in package.json, which is one directory above src/ and dist/. */
export function version(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String((content as { readonly version: unknown }).version);
}
