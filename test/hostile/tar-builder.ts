/** Builds tar archives byte by byte, so that any of their rules can be broken. */

export const BLOCK = 512;
export const END = Buffer.alloc(2 * BLOCK);

export interface HeaderFields {
  readonly name?: string;
  readonly type?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly mtime?: number;
  readonly link?: string;
  readonly prefix?: string;
  readonly magic?: 'ustar' | 'gnu' | 'none';
  /** Bytes laid over the finished fields before the checksum is made. */
  readonly raw?: readonly { readonly at: number; readonly bytes: Buffer | string }[];
  readonly checksum?: 'wrong' | 'signed' | 'blank' | 'eight digits';
}

/** A header block. Strings are byte strings. */
export function header(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(fields.name ?? 'file', 0, 100, 'latin1');
  octal(block, 100, 8, fields.mode ?? 0o644);
  octal(block, 108, 8, fields.uid ?? 0);
  octal(block, 116, 8, fields.gid ?? 0);
  octal(block, 124, 12, fields.size ?? 0);
  octal(block, 136, 12, fields.mtime ?? 1_600_000_000);
  block.write(fields.type ?? '0', 156, 1, 'latin1');
  block.write(fields.link ?? '', 157, 100, 'latin1');
  const magic = fields.magic ?? 'ustar';
  if (magic !== 'none') block.write(magic === 'gnu' ? 'ustar  \0' : 'ustar\x0000', 257, 8, 'latin1');
  block.write(fields.prefix ?? '', 345, 155, 'latin1');
  for (const { at, bytes } of fields.raw ?? []) {
    (typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes).copy(block, at);
  }
  sign(block, fields.checksum);
  return block;
}

function octal(block: Buffer, at: number, length: number, value: number): void {
  block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, length, 'latin1');
}

function sign(block: Buffer, how: HeaderFields['checksum']): void {
  block.fill(' ', 148, 156);
  if (how === 'blank') return;
  let sum = 0;
  for (const byte of block) sum += how === 'signed' && byte > 0x7f ? byte - 0x100 : byte;
  if (how === 'wrong') sum++;
  const digits = sum.toString(8);
  block.write(how === 'eight digits' ? digits.padStart(8, '0') : `${digits.padStart(6, '0')}\0 `, 148, 8, 'latin1');
}

/** A base-256 number as GNU writes it; negative ones in two's complement. */
export function base256(value: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let rest = value;
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[0] = value < 0n ? 0xff : (bytes[0] ?? 0) | 0x80;
  return bytes;
}

export function padded(body: Buffer): Buffer {
  return Buffer.concat([body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)]);
}

/** An entry with its content; the size field says its length unless it is given. */
export function entry(fields: HeaderFields, body: Buffer | string = ''): Buffer {
  const content = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  return Buffer.concat([header({ size: content.length, ...fields }), padded(content)]);
}

/** A pax record with its own length in front. */
export function record(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  let length = rest + 1;
  while (rest + `${length}`.length !== length) length++;
  return `${length} ${key}=${value}\n`;
}

/** A pax header of records, in order; a repeated key is possible. */
export function pax(records: readonly (readonly [string, string])[], type = 'x'): Buffer {
  return entry({ name: 'PaxHeader/x', type }, records.map(([key, value]) => record(key, value)).join(''));
}

/** A GNU long name (L) or link (K). */
export function gnuLong(type: 'L' | 'K', text: string): Buffer {
  return entry({ name: '././@LongLink', type, magic: 'gnu' }, `${text}\0`);
}

/** A whole archive. */
export function tar(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, END]);
}
