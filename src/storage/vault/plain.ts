/** Archives in a vault that have files of their own. */
import fs from 'node:fs';
import { lstat } from 'node:fs/promises';
import { errnoOf, Failure } from '../../base/failure.ts';
import type { ByteSource } from '../../base/source.ts';
import type { ObjectKey } from '../key.ts';
import type { ObjectWriter, Store } from '../store.ts';

/**
 * A source over one open file, which is kept whole until it is closed.
 *
 * @param keep gets the file, and returns what lets it go.
 */
export function keptWhole(source: ByteSource, keep: (file: string) => () => void): ByteSource {
  if (source.descriptor === undefined) return source;
  const release = keep(fileIdentity(fs.fstatSync(source.descriptor, { bigint: true })));
  const close = source.close.bind(source);
  return Object.assign(source, {
    async close() {
      try {
        await close();
      } finally {
        release();
      }
    },
  });
}

/**
 * True when a file that is open and kept has its plain name still. It has lost no block then: one that may be punched has
 * the name of a pack alone. Without the name, it may have lost some between its opening and its being kept.
 */
export async function hasPlainName(source: ByteSource, path: string | undefined): Promise<boolean> {
  if (source.descriptor === undefined || path === undefined) return true;
  const open = fileIdentity(fs.fstatSync(source.descriptor, { bigint: true }));
  try {
    return fileIdentity(await lstat(path, { bigint: true })) === open;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Of a file, whatever its names are. */
export function fileIdentity({ dev, ino }: Pick<fs.BigIntStats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`;
}

/**
 * Writes a plain archive in place of one that may have a recipe, which would count:
 *
 *   1 the plain archive   killed after: the recipe counts, so the archive is what it was
 *   2 the recipe goes     the plain archive counts from here on; where that fails, the plain one is removed again
 */
export class PlainWriter implements ObjectWriter {
  readonly #writer: ObjectWriter;
  readonly #store: Store;
  readonly #keys: { readonly plain: ObjectKey; readonly recipe: ObjectKey };
  readonly #inTurn: (work: () => Promise<void>) => Promise<void>;

  /** @param inTurn runs work while no collection looks at the server's files, and has one follow. */
  constructor(
    writer: ObjectWriter,
    store: Store,
    keys: { readonly plain: ObjectKey; readonly recipe: ObjectKey },
    inTurn: (work: () => Promise<void>) => Promise<void>,
  ) {
    this.#writer = writer;
    this.#store = store;
    this.#keys = keys;
    this.#inTurn = inTurn;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#writer.write(bytes);
  }

  async commit(sha256?: string): Promise<void> {
    const { plain, recipe } = this.#keys;
    if ((await this.#store.stat(recipe)) === undefined) return this.#writer.commit(sha256);
    await this.#inTurn(async () => {
      await this.#writer.commit(sha256);
      try {
        await this.#store.remove(recipe);
      } catch (error) {
        if ((await this.#store.stat(recipe)) !== undefined) await this.#store.remove(plain);
        throw error;
      }
    });
  }

  abort(): Promise<void> {
    return this.#writer.abort();
  }
}

/** @throws Failure `backup_exists`. */
export async function requireNoRecipe(store: Pick<Store, 'stat'>, recipe: ObjectKey, path: string): Promise<void> {
  if ((await store.stat(recipe)) === undefined) return;
  throw new Failure('backup_exists', 'Cannot link the file: the vault has an archive under that name', {
    facts: { path, recipe },
  });
}
