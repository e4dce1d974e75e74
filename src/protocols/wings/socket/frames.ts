/**
 * Frames between a page and this node: JSON `{"event","args"}` as text, or MessagePack `[event, args]` as binary. Both
 * come from anyone who can reach the port: anything else decodes to undefined, and decoding takes bounded memory.
 *
 * Source: calagopus/panel 76dfc96 frontend/src/plugins/Websocket.ts.
 */
import { decode, encode } from '@msgpack/msgpack';

export type Frame = readonly [event: string, ...args: readonly string[]];

/** A frame of a page. */
export interface Message {
  readonly event: string;
  /** A null counts as ''. */
  readonly args: readonly string[];
}

/**
 * A frame is an array of a text and an array of texts: maps, raw bytes and extensions are refused before anything is
 * made of them, and so is a length that the bytes cannot hold.
 */
const LIMITS = { maxStrLength: 4096, maxArrayLength: 256, maxMapLength: 0, maxBinLength: 0, maxExtLength: 0 } as const;

/** Reads a text frame, `{"event","args"?}`. @returns undefined for anything else. */
export function readText(text: string): Message | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { event, args } = value as { readonly event?: unknown; readonly args?: unknown };
  return messageOf(event, args);
}

/** @param bytes `[event, args?]`. */
export function readBinary(bytes: Uint8Array): Message | undefined {
  let value: unknown;
  try {
    value = decode(bytes, LIMITS);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length > 2) return undefined;
  const [event, args] = value as readonly unknown[];
  return messageOf(event, args);
}

export function binaryOf([event, ...args]: Frame): Uint8Array {
  return encode([event, args]);
}

function messageOf(event: unknown, args: unknown): Message | undefined {
  if (typeof event !== 'string') return undefined;
  if (args === undefined || args === null) return { event, args: [] };
  if (!Array.isArray(args) || !args.every((each) => typeof each === 'string' || each === null)) return undefined;
  return { event, args: (args as readonly (string | null)[]).map((each) => each ?? '') };
}
