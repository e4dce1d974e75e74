import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FAILURE_CODES } from '../../src/base/failure.ts';
import { ERROR_CODES } from '../../src/protocols/native/schemas.ts';
import { STATUS_OF } from '../../src/protocols/thrown.ts';

test('docs/errors.md has every code, once, with its status', () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const statuses = new Map<string, number>();
  const listed: string[] = [];
  for (const [, code = '', status] of text.matchAll(/^\| `(\w+)` +\| (\d{3}) /gm)) {
    listed.push(code);
    statuses.set(code, Number(status));
  }
  expect(listed.toSorted()).toEqual([...ERROR_CODES].toSorted());
  for (const code of FAILURE_CODES) expect([code, statuses.get(code)]).toEqual([code, STATUS_OF[code]]);
});
