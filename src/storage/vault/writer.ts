/**
 * Writes an archive into a vault: bytes that its base has are named, the others go into packs.
 *
 *   1 packs    each whole or not at all   killed after: packs that no recipe names; the next collection takes them
 *   2 a map of bytes that heal damage      killed after: those bytes count in place of the damaged ones, for all archives
 *   3 recipe   in one step                killed after: an archive without a manifest; its removal takes it
 *   4 a plain archive of the same key is removed; the recipe counts from step 3 on
 *
 * Where step 3 fails, the recipe may have its name all the same: one that replaces another keeps it when the directory cannot
 * be flushed. The packs then stay for the collection, which looks at what the recipe on the disk names. A power cut before that
 * finds the older recipe or the new one, and the packs of both; the collection removes those of the older one only behind the
 * new name, in the same directory.
 */
import { createHash, type Hash, randomUUID } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import type { SameBytes } from '../../base/source.ts';
import { type KeyParts, objectKey } from '../key.ts';
import type { ObjectWriter, Store } from '../store.ts';
import type { Pins } from './pins.ts';
import { GatheringWriter } from './gathering-writer.ts';
import { RangeFinder } from './range-finder.ts';
import { HealingPack } from './healing.ts';
import { putWhole } from './put.ts';
import { MAX_RANGES, type Range, RangeListBuilder } from './ranges.ts';
import { encodeRecipe, type Recipe } from './format/recipe.ts';
import { PACK_LENGTH, packKey } from './server-packs.ts';

/** From so many ranges on, only longer stretches are named. */
const MANY_RANGES = MAX_RANGES / 2;

/** What went into packs. */
export interface Written {
  readonly packs: number;
  readonly bytes: number;
}

export interface VaultWriterOptions {
  readonly store: Store;
  readonly owner: Pick<KeyParts, 'server' | 'backup'>;
  readonly pins: Pins;
  /**
   * Runs work while no collection looks at the server's files: a pack is kept by its pin before the recipe names it, and a
   * collection that listed no recipe yet must not find the pin gone; and no merge runs while bytes that heal damage are begun.
   */
  readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** What `SameBytes` refer to; pinned by the caller until `onEnd`. */
  readonly base: Recipe | undefined;
  /** Bytes: a shorter stretch that the base has is written again. */
  readonly shortestRange: number;
  readonly packLength?: number;
  readonly signal?: AbortSignal | undefined;
  /** True when `commit` gets the digest: a gibibyte costs most of a second to hash, on the thread that serves requests. */
  readonly digestFollows?: boolean | undefined;
  /**
   * Called once, when nothing of the writer needs to be kept any more.
   *
   * @param leftDead true when there are bytes now that nothing needs: of a replaced archive, of damaged ranges that were
   *   made again, or of an attempt that could not be removed.
   */
  readonly onEnd: (written: Written, committed: boolean, leftDead: boolean) => void;
}

export class VaultWriter implements ObjectWriter {
  readonly #options: VaultWriterOptions;
  readonly #base: RangeFinder | undefined;
  readonly #ranges = new RangeListBuilder();
  readonly #hash: Hash | undefined;
  /** Packs that are whole. */
  readonly #packs: string[] = [];
  #pack: { readonly id: string; readonly writer: GatheringWriter; length: number } | undefined;
  /** Bytes of the base that were made again because what lay there was damaged. */
  #healed: HealingPack | undefined;
  #size = 0;
  #stored = 0;
  /** From then on it may have its name. */
  #recipeBegun = false;
  #state: 'open' | 'committed' | 'aborted' = 'open';
  #writing: Promise<unknown> = Promise.resolve();

  constructor(options: VaultWriterOptions) {
    this.#options = options;
    this.#hash = options.digestFollows === true ? undefined : createHash('sha256');
    this.#base = options.base === undefined ? undefined : new RangeFinder(options.base.list);
  }

  /** Bytes that went into packs so far. */
  get storedBytes(): number {
    return this.#stored;
  }

  async write(bytes: Uint8Array, same: readonly SameBytes[] = []): Promise<void> {
    this.#requireOpen();
    const writing = this.#write(bytes, same);
    this.#writing = writing.catch(() => undefined);
    await writing;
  }

  async commit(sha256?: string): Promise<void> {
    const { store, owner, signal } = this.#options;
    this.#requireOpen();
    const digest = this.#hash?.digest('hex') ?? sha256;
    if (digest === undefined) throw new TypeError('the digest was to follow');
    await this.#endPack();
    if (this.#ranges.count > MAX_RANGES) throw tooManyRanges();
    const recipe = encodeRecipe(this.#size, digest, this.#ranges.finish());
    const key = objectKey(owner.server, owner.backup, 'recipe');
    await this.#options.inTurn(async () => {
      // It may have been aborted while it waited for its turn: its packs are gone then.
      this.#requireOpen();
      await this.#healed?.seal();
      const replaces = (await store.stat(key)) !== undefined;
      // Or just now; from here on its packs stay.
      this.#requireOpen();
      this.#recipeBegun = true;
      const putting = putWhole(store, key, recipe, { signal }).then(() => {
        this.#state = 'committed';
        this.#end(replaces || this.#healed !== undefined);
      });
      this.#writing = putting.catch(() => undefined);
      await putting;
    });
    // The recipe counts already; what stays of a plain archive goes with the backup.
    await store.remove(objectKey(owner.server, owner.backup, 'tar.gz')).catch(() => undefined);
  }

  async abort(): Promise<void> {
    // A recipe that is being written says by its end whether there is an archive.
    if (this.#recipeBegun) await this.#writing;
    if (this.#state !== 'open') return;
    this.#state = 'aborted';
    const { store, owner } = this.#options;
    await this.#writing;
    try {
      await this.#healed?.abort();
      await this.#pack?.writer.abort();
      if (this.#recipeBegun) return;
      for (const pack of this.#packs) await store.remove(packKey(owner.server, pack));
    } finally {
      this.#end(true);
    }
  }

  #end(leftDead: boolean): void {
    const { owner, pins } = this.#options;
    for (const pack of this.#packs) pins.releasePack(owner.server, pack);
    if (this.#pack !== undefined) pins.releasePack(owner.server, this.#pack.id);
    this.#healed?.release();
    const packs = this.#packs.length + (this.#healed === undefined ? 0 : 1);
    this.#options.onEnd({ packs, bytes: this.#stored }, this.#state === 'committed', leftDead);
  }

  #requireOpen(): void {
    if (this.#state === 'open') return;
    const { server, backup } = this.#options.owner;
    throw new Failure('internal', `Cannot write ${server}/${backup}: the writer is ${this.#state}`);
  }

  async #write(bytes: Uint8Array, same: readonly SameBytes[]): Promise<void> {
    this.#hash?.update(bytes);
    let at = 0;
    // Without one, whatever was compared: it was removed in between, and nothing of it is kept.
    const known = this.#base;
    for (const { start, length, base, heals = false } of known === undefined ? [] : same) {
      if (!heals && !this.#isWorthNaming(length)) continue;
      await this.#store(bytes.subarray(at, start));
      const ranges = Array.from(known?.find(base, length) ?? []);
      if (heals) await this.#heal(bytes.subarray(start, start + length), ranges);
      for (const range of ranges) this.#ranges.add(range.pack, range.start, range.length);
      at = start + length;
    }
    await this.#store(bytes.subarray(at));
    this.#size += bytes.byteLength;
  }

  async #heal(bytes: Uint8Array, ranges: readonly Range[]): Promise<void> {
    const { store, owner, pins, inTurn } = this.#options;
    this.#healed ??= await inTurn(() => HealingPack.begin(store, owner.server, pins));
    await this.#healed.write(bytes, ranges);
    this.#stored += bytes.byteLength;
  }

  /** Near the most ranges that a recipe has, only longer and longer stretches are. */
  #isWorthNaming(length: number): boolean {
    if (this.#base === undefined) return false;
    const { count } = this.#ranges;
    if (count < MANY_RANGES) return length >= this.#options.shortestRange;
    const sixteenths = Math.floor(((count - MANY_RANGES) * 16) / (MAX_RANGES - MANY_RANGES));
    return sixteenths < 15 && length >= this.#options.shortestRange * 2 ** (sixteenths + 1);
  }

  async #store(bytes: Uint8Array): Promise<void> {
    const most = this.#options.packLength ?? PACK_LENGTH;
    for (let at = 0; at < bytes.byteLength;) {
      const pack = (this.#pack ??= await this.#beginPack());
      const part = bytes.subarray(at, at + most - pack.length);
      await pack.writer.write(part);
      this.#ranges.add(pack.id, pack.length, part.byteLength);
      pack.length += part.byteLength;
      this.#stored += part.byteLength;
      at += part.byteLength;
      if (pack.length === most) await this.#endPack();
    }
  }

  async #beginPack() {
    const { store, owner, pins, signal } = this.#options;
    const id = randomUUID();
    pins.keepPack(owner.server, id);
    try {
      const writer = await store.create(packKey(owner.server, id), { signal });
      return { id, writer: new GatheringWriter(writer), length: 0 };
    } catch (error) {
      pins.releasePack(owner.server, id);
      throw error;
    }
  }

  async #endPack(): Promise<void> {
    const pack = this.#pack;
    if (pack === undefined) return;
    await pack.writer.commit();
    this.#packs.push(pack.id);
    this.#pack = undefined;
  }
}

/** A recipe with more cannot be read, and what cannot be read ends each collection of the server. */
function tooManyRanges(): Failure {
  return new Failure('too_large', 'Cannot finish the archive: it would be in more parts than a vault can name', {
    hint: 'Set vault.shortest_range of the store to more, such as 64KiB.',
  });
}
