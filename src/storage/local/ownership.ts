/**
 * One node per local store, as one per prefix of a bucket. The marker (marker.ts) has the store's id, which its node
 * remembers, and the digits of that node (node.ts).
 *
 * | the node remembers | the marker's id | its node's digits |                                                        |
 * |--------------------|-----------------|-------------------|--------------------------------------------------------|
 * | nothing            | none            |                   | marked with a new id: the first start                  |
 * | nothing            | an id           | this node's       | remembered: the state was lost                         |
 * | nothing            | an id           | others, or none   | refused; with `adopt: <that id>` taken over            |
 * | an id              | the same        | this node's       | used                                                   |
 * | an id              | the same        | none              | used, digits added: marked by 0.1.0                    |
 * | an id              | the same        | others            | used, digits replaced: host renamed, or state moved    |
 * | an id              | another         | any               | refused (or taken over): another node took it over     |
 * | an id              | none            |                   | refused: not mounted, or emptied                       |
 *
 * Taken over is: marked with a new id, so that the node from before is refused from then on. Order of writes: the new id
 * is remembered as wanted, together with the one from before; the marker is replaced; the id is remembered as ours.
 *
 * | killed after               | the next start finds        |                                                    |
 * |----------------------------|-----------------------------|----------------------------------------------------|
 * | remembered as wanted       | the marker of before        | taken over again; without `adopt` refused as before |
 * | the marker                 | the wanted id               | remembered                                         |
 * | the marker of a new store  | an id with our digits       | remembered                                         |
 *
 * All of it happens under the store's lock (lock.ts), which is only taken in a directory that may be used: a bare mount
 * point stays bare.
 */
const WANTED = 'wanted ';

/** What the marker says. */
export interface Marker {
  readonly id: string;
  /** Of the node that owns the store; undefined when 0.1.0 marked it. */
  readonly node: string | undefined;
  /** Archives share packs (storage/vault): programs that know nothing of it refuse the store. */
  readonly vault: boolean;
}

/** What the node remembers: an id, or a taking-over that was begun. */
export interface Memory {
  readonly id: string | undefined;
  readonly wanted: string | undefined;
}

export interface OwnershipRules {
  /** Digits of this node (node.ts); undefined: whose a store is does not count. */
  readonly node: string | undefined;
  /** The id of a store to take over, or null. */
  readonly adopt: string | null;
  /** True: the store becomes a vault; false: it stays what it is. */
  readonly vault: boolean;
}

export type Verdict =
  | { readonly kind: 'use' | 'stamp'; readonly id: string }
  | { readonly kind: 'mark' }
  | { readonly kind: 'adopt'; readonly id: string | undefined }
  | { readonly kind: 'refuse'; readonly why: 'missing' | 'replaced' | 'another'; readonly remembered?: string };

/** Reads what the node remembers of a store. @param text the value in the catalogue; undefined for none. */
export function parseMemory(text: string | undefined): Memory {
  if (text?.startsWith(WANTED) !== true) return { id: text, wanted: undefined };
  const [wanted, before] = text.slice(WANTED.length).split(' ');
  return { id: before, wanted };
}

/** The value to remember while a store is being taken over: the wanted id, and the one from before. */
export function wantedText(wanted: string, before: string | undefined): string {
  return before === undefined ? `${WANTED}${wanted}` : `${WANTED}${wanted} ${before}`;
}

/** Which row of the table it is. */
export function judgeMarker(memory: Memory, found: Marker | undefined, rules: OwnershipRules): Verdict {
  const { node, adopt, vault } = rules;
  const { id, wanted } = memory;
  if (found === undefined) {
    const isNew = id === undefined && wanted === undefined;
    return isNew ? { kind: 'mark' } : { kind: 'refuse', why: 'missing', remembered: id ?? wanted };
  }
  const isRemembered = found.id === id || found.id === wanted;
  const isHealed = id === undefined && wanted === undefined && (node === undefined || found.node === node);
  if (isRemembered || isHealed) {
    const isStamped = (node === undefined || found.node === node) && (found.vault || !vault);
    return { kind: isStamped ? 'use' : 'stamp', id: found.id };
  }
  if (found.id === adopt) return { kind: 'adopt', id };
  return { kind: 'refuse', why: id === undefined ? 'another' : 'replaced', remembered: id };
}
