/** Looks at a local store without opening it, for reports, while a daemon runs or not. Writes nothing. */
import { readdir } from 'node:fs/promises';
import { isStoreLocked } from './lock.ts';
import { adoptHint, NOT_CONTENT, readMarker } from './marker.ts';
import { nodeDigits } from './node.ts';
import { judgeMarker, parseMemory } from './ownership.ts';

export interface LocalStoreFacts {
  /** It is not marked, and holds what is no backup. */
  readonly isOccupied: boolean;
  /** What the node would be refused with: what is wrong, and what to do; undefined for a store that it may use. */
  readonly refusal: { readonly state: string; readonly hint: string } | undefined;
  /** A process holds the store's lock. */
  readonly isLocked: boolean;
}

/**
 * @param remembered what the node's catalogue has of this store, as text.
 * @throws Failure `store_unreachable` for a damaged marker; system errors unchanged.
 */
export async function inspectLocalStore(
  name: string,
  { directory, adopt }: { readonly directory: string; readonly adopt: string | null },
  stateDirectory: string,
  remembered: string | undefined,
): Promise<LocalStoreFacts> {
  const found = await readMarker(directory);
  const verdict = judgeMarker(parseMemory(remembered), found, {
    node: nodeDigits(stateDirectory),
    adopt,
    vault: false,
  });
  const isOccupied = found === undefined && verdict.kind !== 'refuse' && (await holdsAnything(directory));
  const facts = { isOccupied, isLocked: await isStoreLocked(directory) };
  if (verdict.kind !== 'refuse') return { ...facts, refusal: undefined };
  if (found !== undefined && verdict.why === 'another') {
    const hint = `Give this node a directory of its own. If that node is gone, or was this one, ${adoptHint(name, found)}`;
    return { ...facts, refusal: { state: `it belongs to another node (${found.id})`, hint } };
  }
  const state = found === undefined ? 'its marker is missing' : 'it is marked as another store';
  const hint = 'Is its disk mounted? Backups are refused until the right directory is there.';
  return { ...facts, refusal: { state, hint } };
}

async function holdsAnything(directory: string): Promise<boolean> {
  const names = await readdir(directory);
  return names.some((name) => !NOT_CONTENT.has(name) && !/^[0-9a-f-]{36}$/.test(name));
}
