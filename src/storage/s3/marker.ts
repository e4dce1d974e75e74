/**
 * One node per prefix: the object `<prefix>.roost-store` holds an id that the node remembers, so that two nodes sharing
 * a bucket never treat each other's objects as their own. The id is remembered as wanted before the object is written,
 * and as ours after it was read back; after a kill in between, the next start continues from there.
 *
 * | the node remembers | the bucket's id  |                                                                 |
 * |--------------------|------------------|-----------------------------------------------------------------|
 * | nothing            | none             | marked with a new id: the first start                           |
 * | nothing            | an id            | refused: another node's. With `adopt: <that id>` marked again   |
 * | an id              | the same         | used                                                            |
 * | an id              | another          | refused (or adopted): another node took it over                 |
 * | an id              | none             | refused: not the same bucket                                    |
 *
 * Of two nodes that mark at once, one is refused at its write if the service supports `If-None-Match`; otherwise the
 * last write counts, and the other node is refused at its next check.
 */
import { randomUUID } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import { isUuid } from '../../base/ids.ts';
import type { StoreIdentity } from '../identity.ts';
import { type CallOptions, isMissing, type S3Bucket } from './bucket.ts';
import { serviceCode } from './failure.ts';

export const S3_MARKER = '.roost-store';

const DOING = 'Cannot use the store';
const WANTED = 'wanted ';
const MAX_MARKER_BYTES = 4096;

export interface S3MarkerRules {
  readonly prefix: string;
  /** The id of a node whose prefix to take over, or null. */
  readonly adopt: string | null;
  readonly identity: StoreIdentity;
}

/** @throws Failure `store_unreachable` in the refused cases, and when the bucket cannot be used. */
export async function requireOwnPrefix(bucket: S3Bucket, rules: S3MarkerRules, options: CallOptions): Promise<void> {
  const { identity, adopt } = rules;
  const remembered = identity.load();
  const wanted = remembered?.startsWith(WANTED) === true ? remembered.slice(WANTED.length) : undefined;
  const found = await readMarker(bucket, rules, options);
  if (found !== undefined && found === (wanted ?? remembered)) {
    if (wanted !== undefined) identity.save(wanted);
    return;
  }
  const own = wanted ?? randomUUID();
  if (found !== undefined) {
    if (found !== adopt) throw anothers(bucket, rules, found);
    return mark(bucket, rules, own, found);
  }
  if (remembered !== undefined && wanted === undefined) throw unmarked(bucket, rules);
  return mark(bucket, rules, own, undefined);
}

async function mark(bucket: S3Bucket, rules: S3MarkerRules, id: string, replaced: string | undefined): Promise<void> {
  rules.identity.save(`${WANTED}${id}`);
  const text = `${JSON.stringify({ format: 'roost-store', id })}\n`;
  try {
    await bucket.putMarker(nameOf(rules), text, replaced === undefined, DOING);
  } catch (error) {
    const code = serviceCode(error);
    // Swift and older services do not support the condition.
    if (code === 'NotImplemented') await bucket.putMarker(nameOf(rules), text, false, DOING);
    // Another node was faster, or an attempt of ours whose response was lost.
    else if (code !== 'PreconditionFailed' && code !== 'ConditionalRequestConflict') throw error;
  }
  const found = await readMarker(bucket, rules, {});
  if (found !== id) throw anothers(bucket, rules, found ?? 'nothing');
  rules.identity.save(id);
}

async function readMarker(bucket: S3Bucket, rules: S3MarkerRules, options: CallOptions): Promise<string | undefined> {
  try {
    const { Body: body, ContentLength: length } = await bucket.get(nameOf(rules), DOING, options);
    const text = (length ?? 0) > MAX_MARKER_BYTES ? '' : ((await body?.transformToString()) ?? '');
    const id = markerId(text);
    if (id !== undefined) return id;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  throw new Failure('store_unreachable', `${DOING}: the object ${nameOf(rules)} is no marker of Roost`, {
    facts: { bucket: bucket.place.bucket, name: nameOf(rules) },
    hint: 'Use another prefix, or remove that object after checking that this is the right bucket.',
  });
}

function markerId(text: string): string | undefined {
  try {
    const content = JSON.parse(text) as unknown;
    if (typeof content !== 'object' || content === null || !('id' in content) || !('format' in content))
      return undefined;
    return content.format === 'roost-store' && typeof content.id === 'string' && isUuid(content.id)
      ? content.id
      : undefined;
  } catch {
    return undefined;
  }
}

function nameOf({ prefix }: S3MarkerRules): string {
  return `${prefix}${S3_MARKER}`;
}

function anothers({ place }: S3Bucket, rules: S3MarkerRules, found: string): Failure {
  const where = `${place.bucket}/${rules.prefix}`;
  return new Failure('store_unreachable', `${DOING}: ${where} belongs to another node (${found})`, {
    facts: { store: place.store, bucket: place.bucket, prefix: rules.prefix, found },
    hint: `Give this node its own prefix. If that node is gone, or was this one, set "adopt: ${found}" in storage.stores.${place.store}.`,
  });
}

function unmarked({ place }: S3Bucket, rules: S3MarkerRules): Failure {
  const where = `${place.bucket}/${rules.prefix}`;
  return new Failure('store_unreachable', `${DOING}: ${where} is not the place that it was (it has no ${S3_MARKER})`, {
    facts: { store: place.store, bucket: place.bucket, prefix: rules.prefix },
    hint: 'Correct endpoint, bucket or prefix. If the bucket was emptied on purpose, give the store another name.',
  });
}
