/** The watch over all tests' logs finds what it is there for. */
import { expect, test } from 'vitest';
import { openLog, silentLog } from '../../src/base/log/log.ts';
import { knownSecret, takeLeaks, watchLine } from './secret-shapes.ts';

const SECRET = knownSecret('a-secret-of-this-test-alone');

test('a known secret is found at every level, in messages and facts, also of a silent log and its children', () => {
  silentLog().trace(`with ${SECRET}`);
  silentLog().child({ job: 'x' }).debug('with a fact', { fact: SECRET });
  openLog({ level: 'error', format: 'text' }, { write: () => undefined }).info('with an error', {
    error: new Error(SECRET),
  });
  expect(takeLeaks()).toHaveLength(3);
  silentLog().error('with nothing', { token: SECRET });
  expect(takeLeaks()).toEqual([]);
});

test.each([
  ['Bearer abcdefgh', 'a bearer'],
  ['https://s3.test/o?partNumber=1&X-Amz-Signature=0a1b', 'a signed query'],
  ['https://blob.test/o?sv=1&sig=0a1b', 'a signed query'],
  ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0', 'a JSON web token'],
])('%s is found by its shape', (text, name) => {
  watchLine(JSON.stringify({ msg: text }));
  expect(takeLeaks()).toEqual([expect.stringContaining(name)]);
});

test.each(['https://s3.test/o?X-Amz-Signature=[redacted]', 'Bearer [redacted]', 'the bearer'])('%s is none', (text) => {
  watchLine(JSON.stringify({ msg: text }));
  expect(takeLeaks()).toEqual([]);
});
