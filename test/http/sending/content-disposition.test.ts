import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attachment } from '../../../src/http/sending/content-disposition.ts';

describe('attachment', () => {
  test.each([
    ['server.properties', 'attachment; filename="server.properties"'],
    ['two words.txt', 'attachment; filename="two words.txt"'],
    ['weltkarte-ä.png', `attachment; filename="weltkarte-_.png"; filename*=UTF-8''weltkarte-%C3%A4.png`],
    ['密.dat', `attachment; filename="_.dat"; filename*=UTF-8''%E5%AF%86.dat`],
    ['100%.txt', `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`],
    ['a"b\\c.txt', 'attachment; filename="a_b_c.txt"'],
    ['../../etc/passwd', 'attachment; filename=".._.._etc_passwd"'],
    ['..', 'attachment; filename="download"'],
    ['', 'attachment; filename="download"'],
    ['a\r\nSet-Cookie: x=1', 'attachment; filename="a_r_nSet-Cookie_ x=1"'],
    ['photo\u202Egpj.exe', 'attachment; filename="photo_u202egpj.exe"'],
    ["it's (1).txt", `attachment; filename="it's (1).txt"`],
  ])('of %j', (name, header) => {
    expect(attachment(name)).toBe(header);
  });

  test('is one printable ASCII line for any name, and its long form decodes to the name shown', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const header = attachment(name);
        expect(header).toMatch(
          /^attachment; filename="[ !#-[\]-~]+"(?:; filename\*=UTF-8''[!#$&+.^_`|~A-Za-z0-9%-]+)?$/,
        );
        const [, extended] = header.split("UTF-8''");
        if (extended !== undefined) expect(decodeURIComponent(extended)).not.toMatch(/[/\\\0\r\n"]/);
      }),
    );
  });
});
