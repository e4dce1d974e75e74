import { expect, test } from 'vitest';
import { answerHeaders, requestHeaders } from '../../src/relay/headers.ts';

const client = { address: '203.0.113.7', protocol: 'https' } as const;

test('what is for one connection or claimed by the client is dropped, all else stays as it came', () => {
  const rawHeaders = [
    ['Host', 'node.test'],
    ['connection', 'keep-alive, X-Secret, Host'],
    ['X-Secret', '1'],
    ['Keep-Alive', 'timeout=5'],
    ['Proxy-Authorization', 'x'],
    ['TE', 'trailers'],
    ['Trailer', 'X'],
    ['Upgrade', 'h2c'],
    ['Expect', '100-continue'],
    ['X-Forwarded-For', '1.2.3.4'],
    ['x-forwarded-port', '1'],
    ['X-Real-IP', '1.2.3.4'],
    ['Forwarded', 'for=1.2.3.4'],
    ['aUTHORIZATION', 'Bearer x'],
    ['X-Twice', 'a'],
    ['X-Twice', 'b'],
    ['Content-Length', '5'],
  ].flat();
  expect(requestHeaders({ rawHeaders, client, length: 5, host: 'wings' })).toEqual(
    [
      ['Host', 'node.test'],
      ['aUTHORIZATION', 'Bearer x'],
      ['X-Twice', 'a'],
      ['X-Twice', 'b'],
      ['Content-Length', '5'],
      ['X-Forwarded-For', '203.0.113.7'],
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Host', 'node.test'],
    ].flat(),
  );
});

test('a request without a host gets that of the other server', () => {
  const headers = requestHeaders({ rawHeaders: [], client, length: undefined, host: '127.0.0.1:18080' });
  expect(headers.slice(0, 2)).toEqual(['Host', '127.0.0.1:18080']);
});

test('an answer keeps its headers, their order and their repetitions', () => {
  const rawHeaders = [
    ['Set-Cookie', 'a'],
    ['Connection', 'close, X-Hop'],
    ['X-Hop', '1'],
    ['set-cookie', 'b'],
    ['Content-Length', '3'],
    ['Proxy-Authenticate', 'x'],
  ].flat();
  expect(answerHeaders(rawHeaders)).toEqual(['Set-Cookie', 'a', 'set-cookie', 'b', 'Content-Length', '3']);
});

test('an answer in chunks has no length', () => {
  expect(answerHeaders(['Content-Length', '3', 'Transfer-Encoding', 'chunked'])).toEqual([]);
});
