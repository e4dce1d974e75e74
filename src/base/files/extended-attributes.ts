/**
 * Extended attributes (xattr(7)), which Node has no calls for: read and set through an open descriptor, so that no name
 * can be swapped between a look and the call. koffi calls the C library; where it lacks them, there are none.
 *
 * Names and values are byte strings (`paths.ts`).
 */
import os from 'node:os';
import koffi from 'koffi';
import { findCFunction } from '../c-library.ts';
import { nearPath } from './handles.ts';
import { bytesOf } from './paths.ts';

/** linux/limits.h: XATTR_LIST_MAX and XATTR_SIZE_MAX. */
const LONGEST = 65_536;

const calls = {
  flist: 'int64_t flistxattr(int fd, void *list, size_t size)',
  llist: 'int64_t llistxattr(const char *path, void *list, size_t size)',
  fget: 'int64_t fgetxattr(int fd, const void *name, void *value, size_t size)',
  fset: 'int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)',
  fremove: 'int fremovexattr(int fd, const void *name)',
};
type Call = (...values: unknown[]) => number;
/** Looked up once in each thread; `null` where the C library has no such call. */
const found = new Map<keyof typeof calls, Call | null>();

function call(name: keyof typeof calls): Call | null {
  let known = found.get(name);
  if (known === undefined) {
    known = (findCFunction(calls[name]) as Call | undefined) ?? null;
    found.set(name, known);
  }
  return known;
}

let memory: Buffer | undefined;

function scratch(): Buffer {
  memory ??= Buffer.from(new ArrayBuffer(LONGEST));
  return memory;
}

/** True when an open file or directory has any; one system call. */
export function hasAttributes(descriptor: number): boolean {
  return (call('flist')?.(descriptor, null, 0) ?? 0) > 0;
}

/**
 * True when a name in an open directory has any; a link is not followed. A hint only, as the name may lead elsewhere by
 * the next call: what counts is read by descriptor.
 */
export function childHasAttributes(directory: number, name: string): boolean {
  const list = call('llist');
  if (list === null) return false;
  const path = nearPath(directory, name);
  return list(typeof path === 'string' ? path : terminated(path), null, 0) > 0;
}

/** The names of all attributes of an open file or directory, as far as this process may see them. */
export function attributeNames(descriptor: number): string[] {
  const length = call('flist')?.(descriptor, scratch(), LONGEST) ?? 0;
  if (length <= 0) return [];
  return scratch()
    .toString('latin1', 0, length)
    .split('\0')
    .filter((name) => name !== '');
}

/** The value of one; the name of the errno (a string with an E) wrapped in an object when it cannot be read. */
export function readAttribute(descriptor: number, name: string): string | { readonly errno: string } {
  const got = call('fget')?.(descriptor, cText(name), scratch(), LONGEST) ?? -1;
  return got < 0 ? { errno: errnoName() } : scratch().toString('latin1', 0, got);
}

/** Sets an attribute of an open file. @param value a byte string. @returns undefined, or the errno's name if refused. */
export function setAttribute(descriptor: number, name: string, value: string): string | undefined {
  const set = call('fset');
  if (set === null) return 'ENOSYS';
  const bytes = Buffer.from(value, 'latin1');
  return set(descriptor, cText(name), bytes, bytes.length, 0) === 0 ? undefined : errnoName();
}

/** Removes an attribute of an open file; a missing one or a refusal is ignored. */
export function removeAttribute(descriptor: number, name: string): void {
  call('fremove')?.(descriptor, cText(name));
}

function cText(text: string): Buffer {
  return terminated(bytesOf(text));
}

function terminated(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(1)]);
}

function errnoName(): string {
  const number = koffi.errno();
  return Object.entries(os.constants.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
}
