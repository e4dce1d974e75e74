import { expect, test } from 'vitest';
import { typesInPage, typesOfApi } from './types.ts';

test('the page’s types are those of /openapi.json: "npm run page:types" makes them so', async () => {
  expect(typesInPage()).toBe(await typesOfApi());
});
