/**
 * Names of objects: `<server>/<backup>.tar.gz`, `.index` and `.json`, both ids canonical UUIDs; in a vault also `.recipe`,
 * `.pack` and `.map`, the latter two by the pack's id. A key is validated before it becomes part of a path or URL, so no
 * name can lead out of a store.
 */
import { Failure } from '../base/failure.ts';
import { type BackupId, isUuid, type ServerId } from '../base/ids.ts';
import { printableText } from '../base/files/paths.ts';

declare const brand: unique symbol;
export type ObjectKey = string & { readonly [brand]: 'ObjectKey' };

const OBJECT_KINDS = ['tar.gz', 'index', 'json', 'recipe', 'pack', 'map'] as const;
/** The archive, its index, its manifest; of a vault, recipes in place of archives, and packs with their maps. */
export type ObjectKind = (typeof OBJECT_KINDS)[number];

export interface KeyParts {
  readonly server: ServerId;
  readonly backup: BackupId;
  readonly kind: ObjectKind;
}

/** The key of one object of a backup: `<server>/<backup>.<kind>`. */
export function objectKey(server: ServerId, backup: BackupId, kind: ObjectKind): ObjectKey {
  return `${server}/${backup}.${kind}` as ObjectKey;
}

/** The parts of a key, or undefined when the text is none. */
export function keyParts(text: string): KeyParts | undefined {
  const slash = text.indexOf('/');
  const dot = text.indexOf('.', slash);
  const server = text.slice(0, slash);
  const backup = text.slice(slash + 1, dot);
  const kind = OBJECT_KINDS.find((known) => known === text.slice(dot + 1));
  if (slash < 0 || dot < 0 || kind === undefined || !isUuid(server) || !isUuid(backup)) return undefined;
  return { server: server as ServerId, backup: backup as BackupId, kind };
}

/**
 * @throws Failure `internal`: keys come from Roost's own records and listings, so an invalid one is a damaged record.
 */
export function parseKey(text: string): ObjectKey {
  if (keyParts(text) !== undefined) return text as ObjectKey;
  throw new Failure(
    'internal',
    `Cannot use the object "${printableText(text.slice(0, 120))}": it is no key of a store`,
  );
}
