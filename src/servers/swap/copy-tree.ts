/**
 * Copies a name and all below it between two open directories of different file systems or subvolumes, where rename(2)
 * says EXDEV. What arrives is flushed: content, holes, owner, mode, times, attributes, links as they are.
 *
 * Names are reached by held handles and links are never followed, on both sides: the owner of the server may change
 * things meanwhile. A copy is 0600 or 0700 and root's until it is whole.
 */
import fs from 'node:fs';
import { promisify } from 'node:util';
import { Failure } from '../../base/failure.ts';
import { attributeNames, readAttribute, setAttribute } from '../../base/files/extended-attributes.ts';
import {
  applyMetadata,
  createFile,
  makeDirectory,
  readMetadata,
  SliceTimer,
  syncHandle,
} from '../../base/files/handle-writes.ts';
import {
  childPath,
  DirectoryChain,
  openDirectory,
  openForReading,
  readDirectory,
  statChild,
} from '../../base/files/handles.ts';
import { nextData, nextHole } from '../../base/files/holes.ts';
import { printable } from '../../base/files/paths.ts';
import { MEBIBYTE } from '../../base/sizes.ts';

const read = promisify(fs.read);
const write = promisify(fs.write);

/** An open directory and a name in it. */
export interface Place {
  readonly directory: number;
  readonly name: string;
}

/** True for kinds that can be copied; sockets, FIFOs and devices cannot. */
export function isCopyable(stat: fs.Stats): boolean {
  return stat.isFile() || stat.isDirectory() || stat.isSymbolicLink();
}

/**
 * @throws the system error; Failure `internal` for a socket, a FIFO or a device. What was copied until then stays.
 */
export async function copyTree(from: Place, to: Place): Promise<void> {
  await new TreeCopy().copy(from, to, '');
}

class TreeCopy {
  readonly #timer = new SliceTimer();
  /** Where the first name of a file with several lies, below the top, by device and inode of the source. */
  readonly #linked = new Map<string, string>();
  #chain: DirectoryChain | undefined;

  /** @param path of the copy below the top, '' for the top. */
  async copy(from: Place, to: Place, path: string): Promise<void> {
    await this.#timer.giveWay();
    const stat = statChild(from.directory, from.name);
    if (stat === undefined) {
      // What a process removes meanwhile is not copied; the top is what was asked for.
      if (path !== '') return;
      throw gone(from.name);
    }
    if (stat.isDirectory()) await this.#directory(from, to, path);
    else if (stat.isSymbolicLink()) copyLink(from, to, stat);
    else if (stat.isFile()) await this.#file(from, to, path);
    else throw new Failure('internal', `Cannot copy ${printable(from.name)}: it is a socket, a FIFO or a device`);
  }

  async #directory(from: Place, to: Place, path: string): Promise<void> {
    const source = openDirectory(from.directory, from.name);
    try {
      makeDirectory(to.directory, to.name, 0o700);
      const made = openDirectory(to.directory, to.name);
      if (path === '') this.#chain = new DirectoryChain(made);
      try {
        for (const { name } of readDirectory(source)) {
          await this.copy(
            { directory: source, name },
            { directory: made, name },
            path === '' ? name : `${path}/${name}`,
          );
        }
        copyMetadata(source, made);
        await syncHandle(made);
      } finally {
        if (path === '') {
          this.#chain?.close();
          this.#chain = undefined;
        }
        fs.closeSync(made);
      }
    } finally {
      fs.closeSync(source);
    }
  }

  async #file(from: Place, to: Place, path: string): Promise<void> {
    const source = openForReading(from.directory, from.name);
    try {
      const stat = fs.fstatSync(source);
      if (!stat.isFile()) throw gone(from.name);
      const key = `${stat.dev}:${stat.ino}`;
      if (stat.nlink > 1 && this.#linkTo(this.#linked.get(key), to)) return;
      const made = createFile(to.directory, to.name, 0o600);
      try {
        await copyContent(source, made, stat.size);
        copyMetadata(source, made);
        await syncHandle(made);
      } finally {
        fs.closeSync(made);
      }
      if (stat.nlink > 1) this.#linked.set(key, path);
    } finally {
      fs.closeSync(source);
    }
  }

  #linkTo(path: string | undefined, to: Place): boolean {
    if (path === undefined || this.#chain === undefined) return false;
    const at = path.lastIndexOf('/');
    const parent = this.#chain.open(path.slice(0, Math.max(0, at)));
    fs.linkSync(childPath(parent, path.slice(at + 1)), childPath(to.directory, to.name));
    return true;
  }
}

/** Holes stay holes. */
async function copyContent(source: number, made: number, size: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(size, MEBIBYTE)));
  for (let at = nextData(source, 0); at < size; at = nextData(source, at)) {
    const end = Math.min(size, nextHole(source, at));
    while (at < end) {
      const { bytesRead } = await read(source, buffer, 0, Math.min(buffer.length, end - at), at);
      if (bytesRead === 0) return fs.ftruncateSync(made, size);
      for (let done = 0; done < bytesRead;) {
        done += (await write(made, buffer, done, bytesRead - done, at + done)).bytesWritten;
      }
      at += bytesRead;
    }
  }
  fs.ftruncateSync(made, size);
}

/** Owner first, because it clears capabilities; mode and time last, because attributes change them. */
function copyMetadata(source: number, made: number): void {
  const metadata = readMetadata(source);
  const now = fs.fstatSync(made);
  if (now.uid !== metadata.uid || now.gid !== metadata.gid) fs.fchownSync(made, metadata.uid, metadata.gid);
  for (const name of attributeNames(source)) {
    const value = readAttribute(source, name);
    // One that the other file system has no room for was kept where it could be, as on unpacking.
    if (typeof value === 'string') setAttribute(made, name, value);
  }
  applyMetadata(made, metadata);
}

function copyLink(from: Place, to: Place, stat: fs.Stats): void {
  const target = fs.readlinkSync(childPath(from.directory, from.name), { encoding: 'buffer' });
  const path = childPath(to.directory, to.name);
  fs.symlinkSync(target, path);
  fs.lchownSync(path, stat.uid, stat.gid);
  fs.lutimesSync(path, stat.atime, stat.mtime);
}

function gone(name: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`ENOENT: ${printable(name)} is gone`), { code: 'ENOENT', errno: -2 });
}
