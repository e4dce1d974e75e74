import { describe, expect, test } from 'vitest';
import { isFault, readHead } from '../../src/relay/request-head.ts';

const HOST = ['Host', 'node.test'];

function read(target: string, method = 'GET', headers: readonly string[] = HOST) {
  return readHead(method, target, headers);
}

describe('check 2: heads that two servers could read differently', () => {
  test.each([
    ['an absolute address', 'http://other.test/api'],
    ['an address without a slash', '*'],
    ['a fragment', '/api#x'],
    ['an encoded slash', '/api/servers/a%2fb'],
    ['an encoded slash in capitals', '/api/servers/a%2Fb'],
    ['an encoded backslash', '/api/servers/a%5cb'],
    ['a backslash', '/api\\servers'],
    ['a dot segment', '/api/./servers'],
    ['two dots', '/api/../servers'],
    ['encoded dots', '/api/%2e%2e/servers'],
    ['half encoded dots', '/api/.%2E/servers'],
    ['an empty segment', '/api//servers'],
    ['two slashes first', '//api/servers'],
    ['a NUL', '/api/%00'],
    ['a line break', '/api/a%0d%0ab'],
    ['a delete character', '/api/%7f'],
    ['what is no UTF-8', '/api/%ff'],
    ['an overlong slash', '/api/%c0%af'],
    ['a lone percent sign', '/api/%'],
    ['digits that are none', '/api/%zz'],
    ['a space', '/api/a b'],
    ['bytes beyond ASCII', '/api/\u00e9'],
  ])('%s is refused with 400', (_, target) => {
    expect(read(target)).toMatchObject({ status: 400 });
  });

  test.each(['CONNECT', 'TRACE', 'PROPFIND', 'PRI', 'get', ''])('the method %j is refused with 405', (method) => {
    expect(read('/api', method)).toMatchObject({ status: 405 });
  });

  test('two hosts are refused', () => {
    expect(read('/', 'GET', [...HOST, 'host', 'other.test'])).toMatchObject({ status: 400 });
  });

  test.each(['gzip, chunked', 'identity', 'chunked, chunked', ''])('the transfer encoding %j is refused', (value) => {
    expect(read('/', 'POST', [...HOST, 'Transfer-Encoding', value])).toMatchObject({ status: 400 });
  });

  test('a body in chunks is read', () => {
    expect(read('/', 'POST', [...HOST, 'transfer-encoding', 'Chunked'])).toMatchObject({ segments: [''] });
  });
});

test('a path is decoded once, and what came is kept', () => {
  expect(read('/api/servers/x/%62ackup?a=%2f&b=//..')).toEqual({
    method: 'GET',
    segments: ['api', 'servers', 'x', 'backup'],
    target: '/api/servers/x/%62ackup?a=%2f&b=//..',
    query: '?a=%2f&b=//..',
    encoded: true,
  });
  expect(read('/api/%2562')).toMatchObject({ segments: ['api', '%62'] });
});

test('check 2: of 10,000 random paths, each is refused or decoded as Go decodes it', () => {
  const parts = [
    '/',
    '//',
    '.',
    '..',
    '%2e',
    '%2f',
    '%5c',
    '%',
    '%00',
    '%c3%a9',
    '%ff',
    'api',
    'backup',
    '%62',
    'a',
    '?',
    ';',
    '~',
    '%25',
    '+',
  ];
  let seed = 42;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  let understood = 0;
  for (let count = 0; count < 10_000; count++) {
    const path = `/${Array.from({ length: random(7) }, () => parts[random(parts.length)]).join('')}`;
    const head = read(path);
    if (isFault(head)) continue;
    understood++;
    const [raw = ''] = path.split('?', 1);
    // As Go: the path up to the query, each escape decoded once.
    const bytes = Buffer.from(
      raw.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
      'latin1',
    );
    expect(`/${head.segments.join('/')}`).toBe(bytes.toString('utf8'));
    expect(head.segments.some((segment) => /[/\\]|^\.{1,2}$/.test(segment))).toBe(false);
    expect(raw).not.toContain('//');
  }
  expect(understood).toBeGreaterThan(500);
});
