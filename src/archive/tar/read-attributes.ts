/** Reads the attributes that archives keep from an open file or directory, and counts what cannot be kept. */
import { attributeNames, hasAttributes, readAttribute } from '../../base/files/extended-attributes.ts';
import { printable } from '../../base/files/paths.ts';
import type { ArchiveWarning, Attribute } from '../entry.ts';
import {
  attributeKind,
  type AttributeKind,
  isExpressible,
  isKept,
  MAX_ATTRIBUTE_BYTES,
  MAX_ATTRIBUTES,
} from './attributes.ts';

/** Attributes of one kind that were not kept or not set. Plain data: it passes between threads. */
export interface LostKind {
  readonly kind: AttributeKind;
  readonly count: number;
  /** The first path, a byte string. */
  readonly path: string;
  /** Completes "could not be kept": an errno, or words. */
  readonly reason: string;
}

/** Counts lost attributes by kind: a file system without any would else be one warning for each file. */
export class LostAttributes {
  readonly #kinds = new Map<AttributeKind, LostKind>();

  add(name: string, path: string, reason: string): void {
    this.merge([{ kind: attributeKind(name), count: 1, path, reason }]);
  }

  merge(more: readonly LostKind[]): void {
    for (const lost of more) {
      const known = this.#kinds.get(lost.kind);
      this.#kinds.set(lost.kind, known === undefined ? lost : { ...known, count: known.count + lost.count });
    }
  }

  /** What was counted; the counts begin again. */
  take(): readonly LostKind[] {
    if (this.#kinds.size === 0) return NONE;
    const lost = [...this.#kinds.values()];
    this.#kinds.clear();
    return lost;
  }

  /** One warning for each kind. @param verb `kept` or `set`. */
  warnings(verb: 'kept' | 'set'): ArchiveWarning[] {
    return this.take().map(({ kind, count, path, reason }) => {
      const what = count === 1 ? `1 ${SINGULAR[kind]}` : `${count} ${kind}`;
      const message = `${what} could not be ${verb} (${reason}), first that of "${printable(path)}"`;
      return { path, code: 'attributes_lost', message };
    });
  }
}

const SINGULAR = {
  ACLs: 'ACL',
  'extended attributes': 'extended attribute',
  'file capabilities': 'file capability',
} as const;

const NONE: readonly LostKind[] = [];

/**
 * The kept attributes of an open file or directory, in byte order of their names; undefined when there are none.
 *
 * @param path for what is lost: too large, unreadable, or no ACL that tar can say.
 */
export function readAttributes(
  descriptor: number,
  path: string,
  lost: LostAttributes,
): readonly Attribute[] | undefined {
  if (!hasAttributes(descriptor)) return undefined;
  const kept: Attribute[] = [];
  let bytes = 0;
  for (const name of attributeNames(descriptor).filter(isKept).sort()) {
    const value = readAttribute(descriptor, name);
    if (typeof value !== 'string') {
      // One that went away since the names were listed is not lost.
      if (value.errno !== 'ENODATA') lost.add(name, path, value.errno);
      continue;
    }
    bytes += name.length + value.length;
    if (bytes > MAX_ATTRIBUTE_BYTES || kept.length === MAX_ATTRIBUTES) lost.add(name, path, 'more than 64 KiB');
    else if (!isExpressible([name, value])) lost.add(name, path, 'too long');
    else kept.push([name, value]);
  }
  return kept.length === 0 ? undefined : kept;
}
