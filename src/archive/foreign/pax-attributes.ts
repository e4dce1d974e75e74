/**
 * ACLs and extended attributes in pax records, as star, GNU tar and bsdtar write them: `SCHILY.acl.*`, `SCHILY.xattr.*`
 * with the raw value, and libarchive's `LIBARCHIVE.xattr.*` with base64.
 */
import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { attempt } from '../../base/failure.ts';
import type { Attribute, EntryKind } from '../entry.ts';
import { ACL_ACCESS, ACL_DEFAULT, aclText, aclValue, type FindId, isKept } from '../tar/attributes.ts';

const ACLS: readonly (readonly [record: string, name: string])[] = [
  ['SCHILY.acl.access', ACL_ACCESS],
  ['SCHILY.acl.default', ACL_DEFAULT],
];
const RAW = 'SCHILY.xattr.';
const BASE64 = 'LIBARCHIVE.xattr.';

/** True for the records that say an attribute; a global header cannot set one for all entries. */
export function isAttributeRecord(key: string): boolean {
  return key.startsWith('SCHILY.acl.') || key.startsWith(RAW) || key.startsWith(BASE64);
}

/**
 * The attributes of a file or directory; undefined when it has none. An ACL whose users or groups have no number, and no
 * name that this host knows, has '' for its value: unpacking then says that it is lost.
 */
export function paxAttributes(fields: ReadonlyMap<string, string>, kind: EntryKind): readonly Attribute[] | undefined {
  if ((kind !== 'file' && kind !== 'directory') || fields.size === 0) return undefined;
  const found = new Map<string, string>();
  for (const [key, value] of fields) {
    if (key.startsWith(RAW)) found.set(decodeName(key.slice(RAW.length)), value);
    else if (key.startsWith(BASE64)) {
      const name = decodeName(key.slice(BASE64.length));
      if (!fields.has(`${RAW}${key.slice(BASE64.length)}`))
        found.set(name, Buffer.from(value, 'base64').toString('latin1'));
    }
  }
  for (const [record, name] of ACLS) {
    const text = fields.get(record);
    // GNU tar writes names where it knows them; a raw value beside them has the numbers.
    if (text === undefined || text === '' || aclText(found.get(name) ?? '') !== undefined) continue;
    found.set(name, aclValue(text, findId) ?? '');
  }
  const kept = [...found].filter(([name]) => isKept(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  return kept.length === 0 ? undefined : kept;
}

/** `%3D` and `%25` as GNU tar and bsdtar escape them; any other character stands for itself. */
function decodeName(name: string): string {
  return name.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

const tables = new Map<string, ReadonlyMap<string, number>>();
/** A table of users beyond this is not one. */
const MAX_TABLE = 16 * 1024 * 1024;

const findId: FindId = (kind, name) => {
  const file = kind === 'user' ? '/etc/passwd' : '/etc/group';
  let table = tables.get(file);
  if (table === undefined) {
    table = readTable(file);
    tables.set(file, table);
  }
  return table.get(name);
};

/** passwd(5), group(5): name, password, number. Read once in each thread. */
function readTable(file: string): ReadonlyMap<string, number> {
  const text = attempt(() => fs.readFileSync(file, 'latin1').slice(0, MAX_TABLE)) ?? '';
  const ids = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [name = '', , id = ''] = line.split(':');
    if (name !== '' && /^\d{1,10}$/.test(id)) ids.set(name, Number(id));
  }
  return ids;
}
