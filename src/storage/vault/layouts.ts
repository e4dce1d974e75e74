/**
 * Where the archives of a vault lie now. Of a store in a directory, what was seen is remembered (seen.ts); any other store is
 * asked each time, as nothing says what has changed in it.
 */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { ServerId } from '../../base/ids.ts';
import type { KeyParts } from '../key.ts';
import type { Store } from '../store.ts';
import { type LaidOut, SeenServers } from './seen.ts';
import type { Recipe } from './format/recipe.ts';
import { packKey, readRecipe, recipeKey, ServerPacks } from './server-packs.ts';
import { type Layout, layOut } from './source.ts';
import { requireStored } from './holes.ts';

export class Layouts {
  readonly #store: Store;
  readonly #seen: SeenServers;

  constructor(store: Store, clock: Pick<Clock, 'now'>) {
    this.#store = store;
    this.#seen = new SeenServers(clock);
  }

  /**
   * What lies in a server's directory, but for maps that cannot be read. To be called while no collection of the server
   * looks at its files.
   *
   * @throws Failure `store_unreachable`.
   */
  packs(server: ServerId): Promise<ServerPacks> {
    const load = (): Promise<ServerPacks> => ServerPacks.loadReadable(this.#store, server);
    const path = this.#store.localPath?.(packKey(server, server));
    return path === undefined ? load() : this.#seen.packs(server, dirname(path), load);
  }

  /** @param packs as `packs` found them. @throws Failure `archive_damaged`, `store_unreachable`. */
  async find(parts: KeyParts, packs: ServerPacks): Promise<LaidOut> {
    const path = this.#store.localPath?.(recipeKey(parts));
    if (path === undefined) return this.#read(parts, packs, '');
    const change = await changeOf(path);
    const known = this.#seen.find(parts.server, packs, parts.backup, change);
    if (known !== undefined) return known;
    const laidOut = await this.#read(parts, packs, change);
    this.#seen.keep(parts.server, packs, parts.backup, laidOut);
    return laidOut;
  }

  async #read(parts: KeyParts, packs: ServerPacks, change: string): Promise<LaidOut> {
    const recipe = await readRecipe(this.#store, recipeKey(parts));
    const { size, sha256 } = recipe;
    return { size, sha256, layout: await this.#layOut(parts.server, recipe, packs), change };
  }

  /** What only a map that cannot be read could find is nowhere: where it was first, it was given back, and reads as zeros. */
  async #layOut(server: ServerId, recipe: Recipe, packs: ServerPacks): Promise<Layout> {
    const [unreadable] = packs.unreadable.values();
    if (unreadable === undefined) return layOut(recipe, packs);
    try {
      const layout = layOut(recipe, packs);
      await requireStored(layout, (pack) => this.#store.localPath?.(packKey(server, pack)));
      return layout;
    } catch (error) {
      throw error instanceof Failure && error.code === 'archive_damaged' ? unreadable : error;
    }
  }
}

/** Differs after a recipe was replaced. */
async function changeOf(path: string): Promise<string> {
  const { ino, ctimeNs } = await stat(path, { bigint: true });
  return `${ino} ${ctimeNs}`;
}
