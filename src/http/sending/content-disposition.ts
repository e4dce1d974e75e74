import { printableText } from '../../base/files/paths.ts';

// RFC 8187 attr-char: unescaped in `filename*`.
const NOT_ATTRIBUTE_CHARACTER = /[^A-Za-z0-9!#$&+.^_`|~-]/gu;

/**
 * The `Content-Disposition` that saves a download as `name` (RFC 6266, RFC 8187): a quoted ASCII fallback, and the name
 * in UTF-8 where it differs. Names come from untrusted archives: characters that end the header, leave the folder or
 * disguise a name (control, bidirectional) are replaced.
 */
export function attachment(name: string): string {
  const safe = printableText(name).replace(/[\\/:"<>|?*]/g, '_');
  const shown = safe === '' || safe === '.' || safe === '..' ? 'download' : safe;
  // Some browsers decode `%` in the fallback.
  const fallback = shown.replace(/[^\x20-\x7e]|%/gu, '_');
  const plain = `attachment; filename="${fallback}"`;
  return fallback === shown ? plain : `${plain}; filename*=UTF-8''${extended(shown)}`;
}

function extended(text: string): string {
  return text.replace(NOT_ATTRIBUTE_CHARACTER, (character) =>
    [...Buffer.from(character, 'utf8')].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
