/**
 * HTTP bodies in MessagePack: the panel of Calagopus sends nothing else since 2026-02-06 (84d4ebc7), and takes an answer
 * in JSON for a failure.
 *
 * Sources: calagopus/panel 76dfc96 api-clients/wings-api/src/client.rs (`request_impl`: structures as maps, UUIDs and
 * times as text); calagopus/wings 2950f51a application/src/response.rs (`new_serialized`).
 */
import { decode, encode } from '@msgpack/msgpack';
import { parseAccept } from 'hono/utils/accept';

export const MESSAGE_PACK = 'application/msgpack';
const OFFERED: ReadonlySet<string> = new Set([MESSAGE_PACK, 'application/json', 'application/*', '*/*']);
const DEEPEST = 16;

/** @param contentType of a request. */
export function isMessagePack(contentType: string | undefined): boolean {
  return /^\s*application\/msgpack\s*(?:;|$)/i.test(contentType ?? '');
}

/** @param accept the header of a request: of types that are equally welcome, the first counts. */
export function wantsMessagePack(accept: string | undefined): boolean {
  return parseAccept(accept ?? '').find(({ type, q }) => q > 0 && OFFERED.has(type))?.type === MESSAGE_PACK;
}

/** @throws Error for what is no MessagePack, or would cost more memory than a few times its length. */
export function fromMessagePack(bytes: Uint8Array): unknown {
  if (!isBounded(bytes)) throw new Error('not one value of MessagePack, or nested too deeply');
  return decode(bytes);
}

export function toMessagePack(value: unknown): Uint8Array<ArrayBuffer> {
  return encode(value);
}

/**
 * The decoder makes an array of each length that is named before it reads what is in it: a body of nested headers would
 * have it allocate gigabytes. So no more values may be named than bytes are left, nor stand in each other too deeply.
 */
function isBounded(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Values that are still to come, by container. */
  const open = [1];
  let named = 1;
  let at = 0;
  while (open.length > 0) {
    const left = open.at(-1) ?? 0;
    if (left === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1] = left - 1;
    const head = headAt(view, at);
    if (head === undefined) return false;
    named += head.values - 1;
    at = head.end;
    if (at + named > bytes.byteLength || (head.values > 0 && open.push(head.values) > DEEPEST)) return false;
  }
  return at === bytes.byteLength;
}

/** How many bytes name the length of a text, array or map. Raw bytes and extensions are in no body. */
const LENGTHS: ReadonlyMap<number, 1 | 2 | 4> = new Map([
  [0xd9, 1],
  [0xda, 2],
  [0xdb, 4],
  [0xdc, 2],
  [0xdd, 4],
  [0xde, 2],
  [0xdf, 4],
]);
/** From 0xca on: floats, unsigned and signed integers. */
const NUMBERS = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

interface Head {
  /** Where the next value begins. */
  readonly end: number;
  /** Values inside. */
  readonly values: number;
}

/** Source: github.com/msgpack/msgpack spec.md. @returns undefined beyond the end, and for what no value begins with. */
function headAt(view: DataView, at: number): Head | undefined {
  if (at >= view.byteLength) return undefined;
  const head = view.getUint8(at);
  const next = at + 1;
  if (head < 0x80 || head >= 0xe0 || head === 0xc0 || head === 0xc2 || head === 0xc3) return { end: next, values: 0 };
  if (head < 0x90) return { end: next, values: (head & 0x0f) * 2 };
  if (head < 0xa0) return { end: next, values: head & 0x0f };
  if (head < 0xc0) return { end: next + (head & 0x1f), values: 0 };
  const number = NUMBERS[head - 0xca];
  if (number !== undefined) return { end: next + number, values: 0 };
  const size = LENGTHS.get(head);
  if (size === undefined || next + size > view.byteLength) return undefined;
  const length = size === 1 ? view.getUint8(next) : size === 2 ? view.getUint16(next) : view.getUint32(next);
  if (head >= 0xde) return { end: next + size, values: length * 2 };
  if (head >= 0xdc) return { end: next + size, values: length };
  return { end: next + size + length, values: 0 };
}
