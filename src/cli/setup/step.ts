/** One thing that `roost setup` makes sure of. A step that finds it done changes nothing. */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../../base/failure.ts';
import { syncDirectory } from '../../base/files/handles.ts';
import { PartialFile } from '../partial-file.ts';

export interface Step {
  /** What the step makes, for people: a path or the name of a user. */
  readonly what: string;
  readonly why: string;
  /** What there is to do: '' when all is as it should be. */
  readonly todo: '' | 'make' | 'change' | 'aside' | 'run';
  run(): Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A file with this content; another content is replaced as a whole. @param owner its user's without one. */
export function file(path: string, content: string, mode: number, why: string, shown = path, owner?: Owner): Step {
  const now = contentOf(path);
  if (now === content) return { what: shown, why, todo: '', run: nothing };
  const run = (): Promise<void> => writeWhole(path, content, mode, owner);
  return { what: shown, why, todo: now === undefined ? 'make' : 'change', run };
}

/** As `file`, but an existing file keeps its content; only its mode is set. */
export function firstFile(path: string, content: string, mode: number, why: string, shown = path): Step {
  const status = fs.statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return file(path, content, mode, why, shown);
  if ((status.mode & 0o777) === mode) return { what: shown, why, todo: '', run: nothing };
  return { what: shown, why, todo: 'change', run: () => Promise.resolve(fs.chmodSync(path, mode)) };
}

export function directory(
  path: string,
  mode: number,
  owner: () => { uid: number; gid: number } | undefined,
  why: string,
  shown = path,
): Step {
  const there = fs.existsSync(path);
  const run = (): Promise<void> => {
    // The directories above it keep the usual mode.
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.mkdirSync(path, { mode });
    const ids = owner();
    if (ids !== undefined) fs.chownSync(path, ids.uid, ids.gid);
    return Promise.resolve();
  };
  return { what: shown, why, todo: there ? '' : 'make', run: there ? nothing : run };
}

/** A symlink. It is replaced by one rename, so that it always exists. */
export function link(path: string, target: string, why: string, shown = path): Step {
  const now = targetOf(path);
  const run = (): Promise<void> => {
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.rmSync(`${path}.new`, { force: true });
    fs.symlinkSync(target, `${path}.new`);
    fs.renameSync(`${path}.new`, path);
    syncDirectory(dirname(path));
    return Promise.resolve();
  };
  const there = fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  return { what: `${shown} -> ${target}`, why, todo: now === target ? '' : there ? 'change' : 'make', run };
}

/** Complete and flushed before it gets its name: killed at any instant, the file is the old one or the new one. */
async function writeWhole(path: string, content: string, mode: number, owner: Owner | undefined): Promise<void> {
  fs.mkdirSync(dirname(path), { recursive: true });
  const partial = await PartialFile.create(path, mode);
  try {
    await partial.write(Buffer.from(content, 'utf8'));
    if (owner !== undefined) fs.chownSync(partial.path, owner.uid, owner.gid);
    // The umask may have taken bits away, and a new owner does.
    fs.chmodSync(partial.path, mode);
    await partial.seal();
    await partial.publish();
    syncDirectory(dirname(path));
  } finally {
    await partial.discard();
  }
}

function contentOf(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** undefined: nothing is there, or a file that is no link, which the link replaces. */
function targetOf(path: string): string | undefined {
  try {
    return fs.readlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return undefined;
    throw error;
  }
}
