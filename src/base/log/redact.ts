/**
 * Removes secrets from log text: credentials in headers, URLs, query strings and JSON. Each pattern starts at a literal
 * and consumes its match, so time is linear in hostile text.
 */

const HIDDEN = '[redacted]';

/** Names of secret headers, query parameters, JSON or YAML keys, compared without case, `_` and `-`. */
const SECRET_NAMES = new Set([
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'token',
  'secret',
  'password',
  'passwd',
  'signature',
  'credential',
  'signingkey',
  'privatekey',
  'apikey',
  'accesstoken',
  'accesskeyid',
  'secretaccesskey',
  'xamzsignature',
  'xamzcredential',
  'xamzsecuritytoken',
  'xapikey',
]);

/** True when a field of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAMES.has(name.toLowerCase().replace(/[_-]/g, ''));
}

/** What stands between a name and its value: `=`, `:` or, in JSON, `":`. */
const MEANS = String.raw`["']?\s{0,8}[:=]\s{0,8}`;
const NAMES = [
  'token|secret|password|passwd|signature|credential',
  '(?:signing|private|api|access|secret[_-]?access)[_-]?key(?:[_-]?id)?',
  'x-amz-security-token',
].join('|');
const SCHEMES = 'bearer|basic|aws4-hmac-sha256';

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // Authorization: Bearer abc · "authorization":"Basic abc"
  [new RegExp(`(authorization${MEANS}["']?(?:(?:${SCHEMES})\\s{1,8})?)[^\\s"']+`, 'gi'), `$1${HIDDEN}`],
  [new RegExp(`(cookie${MEANS}["']?)[^\\r\\n"']+`, 'gi'), `$1${HIDDEN}`],
  [/\b(bearer\s{1,8})[^\s"',;]+/gi, `$1${HIDDEN}`],
  // "password":"two words", then ?token=abc · &X-Amz-Signature=abc · secret_access_key: abc
  [new RegExp(`((?:${NAMES})${MEANS})"(?:[^"\\\\]|\\\\.)*"`, 'gi'), `$1"${HIDDEN}"`],
  [new RegExp(`((?:${NAMES})${MEANS}["']?)[^\\s"'&,;<>#}]+`, 'gi'), `$1${HIDDEN}`],
  // Azure's name for a signature in a query.
  [/([?&]sig=)[^\s"'&#]+/gi, `$1${HIDDEN}`],
  // https://user:password@host
  [/(:\/\/)[^\s/@"']{1,512}@/g, `$1${HIDDEN}@`],
  // A JSON web token, wherever it stands.
  [/(?<![\w-])eyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?/g, HIDDEN],
];

/** The text with each secret replaced by `[redacted]`. */
export function redact(text: string): string {
  let result = text;
  for (const [pattern, replacement] of PATTERNS) result = result.replace(pattern, replacement);
  return result;
}
