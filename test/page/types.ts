/**
 * The page's types of the API, generated from `/openapi.json`: `npm run page:types` writes them, a test holds both equal.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';
import prettier from 'prettier';
import { openNativeApp } from '../support/native-app.ts';

const FILE = new URL('../../web/page/api/schema.d.ts', import.meta.url);
const HEADING = '/** Generated from /openapi.json by `npm run page:types`; changes by hand are lost. */\n';

export function typesInPage(): string {
  return readFileSync(FILE, 'utf8');
}

export async function typesOfApi(): Promise<string> {
  const { text } = await openNativeApp().call('GET', '/openapi.json', { token: '' });
  const { info, ...document } = JSON.parse(text) as { readonly info: { readonly title: string } };
  // The version of the program is no part of the types.
  const tree = await openapiTS({ ...document, info: { title: info.title, version: '' } } as never);
  return prettier.format(HEADING + astToString(tree), { parser: 'typescript', printWidth: 120, singleQuote: true });
}

if (import.meta.main) writeFileSync(FILE, await typesOfApi());
