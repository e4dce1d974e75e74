import { Failure } from '../../base/failure.ts';
import { wirePath } from '../../base/paths.ts';

// Linux PATH_MAX.
const LONGEST_PATH = 4096;

/**
 * The `path` parameter of a URL, as `BackupService` takes paths. Names in a server are bytes: each may come
 * percent-encoded, UTF-8 or not, or in the printable form (`\xNN`) in which a listing showed it. `+` is a space, as
 * forms and URLSearchParams write it.
 *
 * @returns '' for the root or without the parameter; no slash at either end.
 * @throws Failure `invalid_request` when it is too long; `path_not_found` for what no archive can hold (`..`, NUL).
 */
export function pathOfQuery(url: string): string {
  const path = decodedBytes(rawParameter(url, 'path')).replace(/^(?:\.?\/+)+|\/+$/g, '');
  if (path.length > LONGEST_PATH) {
    throw new Failure('invalid_request', `Cannot read the path: it is longer than ${LONGEST_PATH} bytes`);
  }
  if (path === '' || path === '.') return '';
  const unnameable = path.split('/').some((name) => name === '' || name === '.' || name === '..');
  if (unnameable || path.includes('\0')) throw new Failure('path_not_found', 'There is no such path in the backup');
  return wirePath(path);
}

function rawParameter(url: string, name: string): string {
  const [, query = ''] = url.split('?', 2);
  const found = query
    .split('#', 1)[0]
    ?.split('&')
    .find((part) => part.startsWith(`${name}=`));
  return found === undefined ? '' : found.slice(name.length + 1);
}

// Every character of a parsed URL is ASCII, so a character is a byte and the result a byte string.
function decodedBytes(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
