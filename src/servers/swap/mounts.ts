/** Finds mount points inside a server's directory: they are not the server's data, and renames cannot move them. */
import fs from 'node:fs';
import { handlePath } from '../../base/files/handles.ts';

/**
 * The mount points below an open directory, relative to it, as byte strings.
 *
 * @throws the system error when /proc/self/mountinfo cannot be read.
 */
export function mountsBelow(directory: number): string[] {
  const root = fs.readlinkSync(handlePath(directory), { encoding: 'latin1' });
  const prefix = root === '/' ? root : `${root}/`;
  return fs
    .readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .map((line) => unescapeField(line.split(' ')[4] ?? ''))
    .filter((point) => point.startsWith(prefix) && point.length > prefix.length)
    .map((point) => point.slice(prefix.length));
}

/** proc(5): space, tab, line feed and backslash are written as three octal digits. */
function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
