/**
 * Which names an archive may give its entries. Pure rules: whether a name can be made below a directory, and its one
 * normal form. That no link on disk is followed is checked in unpack/target.ts.
 *
 * Legal Linux names that cannot lead outside are kept as they are: a backslash, a colon, `C:`, control characters,
 * invalid UTF-8, names that differ in case or composition only. Zip archives made under DOS and Windows have rules of
 * their own (foreign/zip-name.ts).
 */
import { MAX_DEPTH } from '../../base/files/handles.ts';

/** Bytes of a whole path; the walk that makes archives has the same bound. */
export const MAX_PATH_BYTES = 8192;
/** NAME_MAX of every Linux file system. */
const MAX_NAME_BYTES = 255;
/** PATH_MAX less its NUL: what symlink(2) takes. */
const MAX_SYMLINK_BYTES = 4095;

export type NameVerdict =
  | { readonly ok: true; readonly path: string }
  | {
      readonly ok: false;
      /** Completes "its name …": `leads out of the directory ("..")`. */
      readonly reason: string;
    };

/**
 * Checks the name of an entry, as bytes.
 *
 * @param raw a byte string as the archive has it. `./`, double slashes and a closing slash are dropped.
 * @returns the normalised path ('' for the root itself, as in `./`), or why it is refused.
 */
export function checkEntryPath(raw: string): NameVerdict {
  if (raw === '') return refuse('is empty');
  // Before anything that walks the name: its length is the archive's to choose.
  if (raw.length > MAX_PATH_BYTES) return refuse(`is ${raw.length} bytes long, ${MAX_PATH_BYTES} are allowed`);
  if (raw.includes('\0')) return refuse('has a NUL byte in it');
  if (raw.startsWith('/')) return refuse('is absolute');
  const names: string[] = [];
  for (const name of raw.split('/')) {
    if (name === '' || name === '.') continue;
    if (name === '..') return refuse('leads out of the directory ("..")');
    if (name.length > MAX_NAME_BYTES)
      return refuse(`has a part of ${name.length} bytes, ${MAX_NAME_BYTES} are allowed`);
    names.push(name);
  }
  if (names.length > MAX_DEPTH) return refuse(`is ${names.length} levels deep, ${MAX_DEPTH} are allowed`);
  return { ok: true, path: names.join('/') };
}

/** Checks the target of a hard link: the path of another entry of the same archive. */
export function checkHardLinkTarget(raw: string): NameVerdict {
  const verdict = checkEntryPath(raw);
  return verdict.ok && verdict.path === '' ? refuse('is the directory itself') : verdict;
}

/**
 * Checks the target of a symlink. It is kept verbatim, absolute and `..` included: where a link points is the server's
 * own business, because nothing is ever written or read through it.
 */
export function checkSymlinkTarget(raw: string): NameVerdict {
  if (raw === '') return refuse('is empty');
  if (raw.length > MAX_SYMLINK_BYTES) return refuse(`is ${raw.length} bytes long, ${MAX_SYMLINK_BYTES} are allowed`);
  if (raw.includes('\0')) return refuse('has a NUL byte in it');
  return { ok: true, path: raw };
}

function refuse(reason: string): NameVerdict {
  return { ok: false, reason };
}
