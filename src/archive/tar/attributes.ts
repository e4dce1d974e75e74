/**
 * Which extended attributes archives keep, and how tar says them.
 *
 * Kept are `user.*`, POSIX ACLs and file capabilities. Not kept are labels and keys that the host itself makes again
 * (`security.selinux`, `security.ima`, `trusted.*`).
 *
 * In tar they are pax records as GNU tar and bsdtar write them: an ACL as the text of acl(5) in `SCHILY.acl.access` and
 * `SCHILY.acl.default`, with numbers for users and groups; all else with its raw value in `SCHILY.xattr.<name>`, where
 * `%` and `=` of the name are escaped. Everywhere else (walk, index, unpacking) an ACL has the kernel's binary form
 * (linux/posix_acl_xattr.h), which is exact.
 */
import { Buffer } from 'node:buffer';
import type { Attribute } from '../entry.ts';

export const ACL_ACCESS = 'system.posix_acl_access';
export const ACL_DEFAULT = 'system.posix_acl_default';
export const CAPABILITY = 'security.capability';

/** Bytes of names and values that one entry may have; the largest single value of Linux. */
export const MAX_ATTRIBUTE_BYTES = 65_536;
export const MAX_ATTRIBUTES = 256;
/** Bytes of an ACL: 2,000 users and groups. As text it grows threefold. */
const MAX_ACL_BYTES = 16_384;

export type AttributeKind = 'ACLs' | 'extended attributes' | 'file capabilities';

/** The kind of an attribute, as warnings name it. @param name such as `user.comment`. */
export function attributeKind(name: string): AttributeKind {
  if (isAcl(name)) return 'ACLs';
  return name === CAPABILITY ? 'file capabilities' : 'extended attributes';
}

export function isAcl(name: string): boolean {
  return name === ACL_ACCESS || name === ACL_DEFAULT;
}

/** True for the attributes that archives keep. */
export function isKept(name: string): boolean {
  return name.startsWith('user.') || isAcl(name) || name === CAPABILITY;
}

/** True when tar can say an attribute's value. */
export function isExpressible([name, value]: Attribute): boolean {
  return !isAcl(name) || aclText(value) !== undefined;
}

/** The pax records of an entry's attributes: keys and values as byte strings. */
export function attributeRecords(attributes: readonly Attribute[]): [key: string, value: string][] {
  return attributes.map(([name, value]) => {
    if (name === ACL_ACCESS) return ['SCHILY.acl.access', aclText(value) ?? ''];
    if (name === ACL_DEFAULT) return ['SCHILY.acl.default', aclText(value) ?? ''];
    return [`SCHILY.xattr.${name.replaceAll('%', '%25').replaceAll('=', '%3D')}`, value];
  });
}

/** linux/posix_acl_xattr.h: the tags, with what stands before the colon in acl(5). */
const TAGS: readonly (readonly [tag: number, word: string, named: boolean])[] = [
  [0x01, 'user', false],
  [0x02, 'user', true],
  [0x04, 'group', false],
  [0x08, 'group', true],
  [0x10, 'mask', false],
  [0x20, 'other', false],
];
const ACL_VERSION = 2;
const ACL_HEADER = 4;
const ACL_ENTRY = 8;
/** The id of entries that name no one. */
const NO_ID = 0xff_ff_ff_ff;

/** An ACL in the text form of acl(5), with commas; undefined when the value is none. */
export function aclText(value: string): string | undefined {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < ACL_HEADER || bytes.length > MAX_ACL_BYTES) return undefined;
  if ((bytes.length - ACL_HEADER) % ACL_ENTRY !== 0 || bytes.readUInt32LE(0) !== ACL_VERSION) return undefined;
  const parts: string[] = [];
  for (let at = ACL_HEADER; at < bytes.length; at += ACL_ENTRY) {
    const known = TAGS.find(([tag]) => tag === bytes.readUInt16LE(at));
    const permissions = bytes.readUInt16LE(at + 2);
    if (known === undefined || permissions > 7) return undefined;
    const [, word, named] = known;
    parts.push(`${word}:${named ? bytes.readUInt32LE(at + 4) : ''}:${permissionText(permissions)}`);
  }
  return parts.join(',');
}

function permissionText(bits: number): string {
  return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
}

/** Finds the number of a user or group that an ACL names; undefined when this host has none of that name. */
export type FindId = (kind: 'user' | 'group', name: string) => number | undefined;

/**
 * The binary form of an ACL's text, as star, GNU tar and bsdtar write it: entries apart by commas or newlines, and maybe
 * the number as a fourth field, which then counts instead of the name.
 *
 * @returns undefined when it is no ACL, or names someone that this host does not know.
 */
export function aclValue(text: string, findId: FindId): string | undefined {
  const entries: { tag: number; permissions: number; id: number }[] = [];
  for (const part of text.split(/[,\n]/)) {
    const [words = ''] = part.split('#');
    if (words.trim() === '') continue;
    const entry = aclEntry(words.trim().split(':'), findId);
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  if (entries.length === 0) return undefined;
  entries.sort((a, b) => a.tag - b.tag || a.id - b.id);
  const bytes = Buffer.alloc(ACL_HEADER + entries.length * ACL_ENTRY);
  bytes.writeUInt32LE(ACL_VERSION, 0);
  for (const [index, { tag, permissions, id }] of entries.entries()) {
    const at = ACL_HEADER + index * ACL_ENTRY;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(permissions, at + 2);
    bytes.writeUInt32LE(id, at + 4);
  }
  return bytes.toString('latin1');
}

function aclEntry(fields: readonly string[], findId: FindId) {
  const [word = '', second = '', third, fourth] = fields;
  // `other` and `mask` may leave out the empty name.
  const [name, letters] = third === undefined && (word === 'mask' || word === 'other') ? ['', second] : [second, third];
  const known = TAGS.find(([, known, named]) => known === word && named === (name !== ''));
  if (known === undefined || letters === undefined || !/^[r-][w-][x-]$/.test(letters)) return undefined;
  const [tag, , named] = known;
  const permissions = (letters[0] === 'r' ? 4 : 0) + (letters[1] === 'w' ? 2 : 0) + (letters[2] === 'x' ? 1 : 0);
  const id = named ? (numberOf(fourth ?? '') ?? numberOf(name) ?? findId(word as 'user' | 'group', name)) : NO_ID;
  return id === undefined ? undefined : { tag, permissions, id };
}

function numberOf(text: string): number | undefined {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : NO_ID;
  return id < NO_ID ? id : undefined;
}
