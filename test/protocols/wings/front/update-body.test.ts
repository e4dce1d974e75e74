import { expect, test } from 'vitest';
import { withoutAddress } from '../../../../src/protocols/wings/front/update-body.ts';

function passed(text: string | Uint8Array) {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const pushed = withoutAddress(bytes);
  return pushed === undefined ? undefined : (JSON.parse(pushed.body.toString('utf8')) as unknown);
}

test.each([
  [
    'what panels send',
    '{"debug":false,"api":{"host":"0.0.0.0","port":8080,"ssl":{"enabled":true},"upload_limit":100}}',
  ],
  ['keys in capitals', '{"debug":false,"API":{"HOST":"0.0.0.0","Port":1,"SSL":{},"upload_limit":100}}'],
  ['the long s', '{"debug":false,"api":{"ho\u017ft":"x","\u017f\u017fl":{"enabled":true},"upload_limit":100}}'],
  ['escaped keys', '{"debug":false,"\\u0061pi":{"\\u0070ort":1,"upload_limit":100}}'],
  ['two of a kind', '{"debug":false,"api":{"port":1},"api":{"port":2,"upload_limit":100}}'],
])('check 14: the address is taken out of %s', (_, text) => {
  const api = Object.entries(passed(text) as object).findLast(([name]) => name.toLowerCase() === 'api');
  expect(api?.[1]).toEqual({ upload_limit: 100 });
  expect(passed(text)).toMatchObject({ debug: false });
});

test('check 14: two spellings of the same section both lose it', () => {
  expect(passed('{"api":{"port":1},"Api":{"host":"x","upload_limit":5}}')).toEqual({
    api: {},
    Api: { upload_limit: 5 },
  });
});

test.each([
  ['nothing', ''],
  ['junk', 'port=1'],
  ['a list', '[{"api":{"port":1}}]'],
  ['a text', '"api"'],
  ['more behind it', '{"a":1}{"api":{"port":1}}'],
  ['a comma too many', '{"api":{"port":1,}}'],
])('check 14: %s is never passed', (_, text) => {
  expect(passed(text)).toBeUndefined();
});

test('check 14: what is no UTF-8 is never passed', () => {
  expect(passed(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBeUndefined();
});

test('what the panel wanted is kept', () => {
  const body = '{"api":{"Port":443,"ssl":{"Enabled":true,"Cert":"/etc/letsencrypt/live/node.test/fullchain.pem"}}}';
  expect(withoutAddress(Buffer.from(body))?.wanted).toEqual({
    certificate: '/etc/letsencrypt/live/node.test/fullchain.pem',
    port: 443,
    tls: true,
  });
});
