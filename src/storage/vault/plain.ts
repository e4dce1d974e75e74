/** Archives in a vault that have files of their own. */
import fs from 'node:fs';
import { lstat } from 'node:fs/promises';
import { Failure } from '../../base/failure.ts';
import type { ByteSource } from '../../base/source.ts';
import type { ObjectKey } from '../key.ts';
import type { ObjectWriter, Store } from '../store.ts';

/** Of one archive: its file's, and that of the recipe that it may have. */
interface PlainKeys {
  readonly plain: ObjectKey;
  readonly recipe: ObjectKey;
}

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
 * the name of a pack alone. Without the name, or where that is not known, it may have lost some between its opening and its
 * being kept.
 */
export async function hasPlainName(source: ByteSource, path: string | undefined): Promise<boolean> {
  if (source.descriptor === undefined || path === undefined) return true;
  const open = fileIdentity(fs.fstatSync(source.descriptor, { bigint: true }));
  const named = await lstat(path, { bigint: true }).catch(() => undefined);
  return named !== undefined && fileIdentity(named) === open;
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
  readonly #keys: PlainKeys;
  readonly #inTurn: (work: () => Promise<void>) => Promise<void>;
  readonly #onCommitted: (added: number, replaces: boolean) => void;
  #size = 0;

  /**
   * @param inTurn runs work while no collection looks at the server's files.
   * @param onCommitted gets the bytes that the store has more, and whether there was a recipe, whose bytes nothing needs now.
   */
  constructor(
    writer: ObjectWriter,
    store: Store,
    keys: PlainKeys,
    inTurn: (work: () => Promise<void>) => Promise<void>,
    onCommitted: (added: number, replaces: boolean) => void,
  ) {
    this.#writer = writer;
    this.#store = store;
    this.#keys = keys;
    this.#inTurn = inTurn;
    this.#onCommitted = onCommitted;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes);
    this.#size += bytes.byteLength;
  }

  async commit(sha256?: string): Promise<void> {
    const { plain, recipe } = this.#keys;
    await this.#inTurn(async () => {
      const before = await this.#store.stat(plain);
      const replaces = (await this.#store.stat(recipe)) !== undefined;
      await this.#writer.commit(sha256);
      this.#onCommitted(this.#size - (before?.size ?? 0), replaces);
      if (!replaces) return;
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

/**
 * Links a file under the key of a plain archive. To be called while no collection looks at the server's files.
 *
 * @param onLinked gets the bytes that the store has more.
 * @returns false where the store links no files, or not this one. @throws Failure `backup_exists`, `store_unreachable`.
 */
export async function linkPlain(
  store: Pick<Store, 'stat' | 'link'>,
  { plain, recipe }: PlainKeys,
  path: string,
  onLinked: (added: number) => void,
): Promise<boolean> {
  if ((await store.stat(recipe)) !== undefined) {
    throw new Failure('backup_exists', 'Cannot link the file: the vault has an archive under that name', {
      facts: { path, recipe },
    });
  }
  const before = await store.stat(plain);
  if ((await store.link?.(plain, path)) !== true) return false;
  if (before === undefined) onLinked((await store.stat(plain))?.size ?? 0);
  return true;
}
