/** The archive that a new one is compared with. */
import { Failure } from '../../base/failure.ts';
import type { KeyParts } from '../key.ts';
import type { Store } from '../store.ts';
import type { Layouts } from './layouts.ts';
import type { Pins } from './pins.ts';
import type { Recipe } from './format/recipe.ts';
import { readRecipe, recipeKey } from './server-packs.ts';

export interface PinnedBase {
  readonly recipe: Recipe;
  /** To be called when no byte of it is read or named any more. */
  readonly release: () => void;
}

/**
 * To be called while no collection of the server looks at its files.
 *
 * @returns undefined when it has no recipe, or a damaged one: everything is stored again then.
 * @throws Failure `store_unreachable`.
 */
export async function pinBase(
  store: Store,
  layouts: Layouts,
  pins: Pins,
  parts: KeyParts,
): Promise<PinnedBase | undefined> {
  if ((await store.stat(recipeKey(parts))) === undefined) return undefined;
  try {
    const recipe = await readRecipe(store, recipeKey(parts));
    const packs = await layouts.packs(parts.server);
    return { recipe, release: pins.keepRead(parts.server, [recipe.list], packs) };
  } catch (error) {
    if (error instanceof Failure && error.code === 'archive_damaged') return undefined;
    throw error;
  }
}
