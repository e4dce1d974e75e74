/**
 * Names every write below a directory in the order in which they are done, and has one of them fail as a broken disk
 * would: each call that creates, fills, flushes, renames or changes a file or a directory there.
 */
import fs from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { onTestFinished } from 'vitest';

type AnyFunction = (...values: never[]) => unknown;

/** Functions whose first value is a path. */
const BY_PATH = ['mkdirSync', 'chmodSync', 'chownSync', 'rmSync', 'linkSync'] as const;
/** Functions whose first value is a descriptor. */
const BY_DESCRIPTOR = ['writeSync', 'fsyncSync'] as const;

export class WriteFaults {
  /** What was done since `begin`. */
  names: string[] = [];
  readonly #directory: string;
  readonly #paths = new Map<number, string>();
  #failAt = -1;
  #counts = false;

  /** Watches until the test is finished. */
  constructor(directory: string) {
    this.#directory = directory;
    const former = [this.#watchPaths(), this.#watchDescriptors(), this.#watchHandles()];
    syncBuiltinESMExports();
    onTestFinished(() => {
      for (const restore of former) restore();
      syncBuiltinESMExports();
    });
  }

  /** Counts from 0 again. @param failAt the number that fails, once; -1 for none. */
  begin(failAt: number): void {
    this.names = [];
    this.#failAt = failAt;
    this.#counts = true;
  }

  /** Nothing is counted any more. @returns whether the fault was reached. */
  end(): boolean {
    this.#counts = false;
    return this.#failAt >= 0 && this.names.length > this.#failAt;
  }

  /** Counts what is no write, such as a command. @throws at its number. */
  count(name: string): void {
    if (!this.#counts) return;
    this.names.push(name);
    if (this.names.length - 1 === this.#failAt) throw Object.assign(new Error(`EIO: at ${name}`), { code: 'EIO' });
  }

  #note(call: string, path: unknown): void {
    if (typeof path !== 'string' || !path.startsWith(this.#directory)) return;
    const shown = path.slice(this.#directory.length).replace(/\/\.([^/]+)\.[0-9a-f]{12}\.partial$/, '/$1.partial');
    this.count(`${call} ${shown === '' ? '/' : shown}`);
  }

  #watchPaths(): () => void {
    return replaceAll(fs, BY_PATH, (name, inner) => (...values: readonly unknown[]) => {
      // A directory that is there is not made.
      const made = name !== 'mkdirSync' || !fs.existsSync(String(values[0]));
      if (made) this.#note(name.replace('Sync', ''), values[0]);
      return inner(...values);
    });
  }

  #watchDescriptors(): () => void {
    const opening = replaceAll(fs, ['openSync'], (_name, inner) => (...values: readonly unknown[]) => {
      const descriptor = inner(...values) as number;
      this.#paths.set(descriptor, String(values[0]));
      return descriptor;
    });
    const closing = replaceAll(fs, ['closeSync'], (_name, inner) => (...values: readonly unknown[]) => {
      this.#paths.delete(values[0] as number);
      return inner(...values);
    });
    const others = replaceAll(fs, BY_DESCRIPTOR, (name, inner) => (...values: readonly unknown[]) => {
      const path = this.#paths.get(values[0] as number);
      // Wings writes its own file as it likes.
      if (name !== 'writeSync' || path?.endsWith('.partial') === true) this.#note(name.replace('Sync', ''), path);
      return inner(...values);
    });
    return () => [others, closing, opening].forEach((restore) => restore());
  }

  #watchHandles(): () => void {
    return replaceAll(promises, ['open', 'rename'], (name, inner) => async (...values: readonly unknown[]) => {
      if (name === 'rename') this.#note('rename to', values[1]);
      else if (values[1] === 'wx') this.#note('create', values[0]);
      const result: unknown = await inner(...values);
      if (name === 'open' && values[1] === 'wx') this.#watchHandle(result as FileHandle, String(values[0]));
      return result;
    });
  }

  #watchHandle(handle: FileHandle, path: string): void {
    this.#paths.set(handle.fd, path);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      this.#note('sync', path);
      await sync();
    };
    const close = handle.close.bind(handle);
    handle.close = async () => {
      this.#paths.delete(handle.fd);
      await close();
      this.#note('close', path);
    };
  }
}

/** @returns what puts the former functions back. */
function replaceAll<Name extends string>(
  owner: object,
  names: readonly Name[],
  wrap: (name: Name, inner: (...values: readonly unknown[]) => unknown) => AnyFunction,
): () => void {
  const former = names.map(
    (name) => [name, Reflect.get(owner, name) as (...values: readonly unknown[]) => unknown] as const,
  );
  for (const [name, inner] of former)
    Reflect.set(
      owner,
      name,
      wrap(name, (...values) => inner.apply(owner, [...values])),
    );
  return () => former.forEach(([name, inner]) => Reflect.set(owner, name, inner));
}
