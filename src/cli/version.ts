import { readFileSync } from 'node:fs';
import { packageDirectory } from '../base/package-directory.ts';

/** The version in package.json. */
export function version(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('package.json', packageDirectory()), 'utf8'));
  return String((content as { readonly version: unknown }).version);
}
