/**
 * Takes the address of the node out of the body of `POST /api/update`.
 *
 * At each save of a node the panel pushes its address, and Wings stores it: at its next start Wings would listen on the
 * front's port. So `api.host`, `api.port` and `api.ssl` are removed, in every spelling that Wings accepts. The body is
 * encoded again from the fields parsed here, so that Wings cannot parse it differently.
 *
 * Source: pterodactyl/wings router/router_system.go (gin's BindJSON); Go's encoding/json matches keys without regard to
 * case, by Unicode's simple folding, and the last of several counts.
 */
import { fromMessagePack, toMessagePack } from '../requests/message-pack.ts';

export interface PushedUpdate {
  /** Without the address, in the form in which it came; sent in its place. */
  readonly body: Buffer;
  /** What the panel wanted; undefined where it named none. */
  readonly wanted: {
    readonly port: number | undefined;
    readonly tls: boolean | undefined;
    /** The path of the certificate, in which panels write the name of the node. */
    readonly certificate: string | undefined;
  };
}

const ADDRESS: ReadonlySet<string> = new Set(['host', 'port', 'ssl']);

/** @param packed it is MessagePack, else JSON. @returns undefined for what is no object. */
export function withoutAddress(bytes: Uint8Array, packed = false): PushedUpdate | undefined {
  const value = packed ? unpacked(bytes) : parsed(bytes);
  if (!isObject(value)) return undefined;
  let [port, tls]: [number | undefined, boolean | undefined] = [undefined, undefined];
  let certificate: string | undefined;
  const kept = Object.entries(value).map(([name, part]) => {
    if (folded(name) !== 'api' || !isObject(part)) return [name, part] as const;
    const all = Object.entries(part);
    for (const [key, each] of all) {
      if (folded(key) === 'port' && typeof each === 'number') port = each;
      if (folded(key) === 'ssl' && isObject(each)) {
        const [enabled, cert] = [valueIn(each, 'enabled'), valueIn(each, 'cert')];
        if (typeof enabled === 'boolean') tls = enabled;
        if (typeof cert === 'string') certificate = cert;
      }
    }
    return [name, Object.fromEntries(all.filter(([key]) => !ADDRESS.has(folded(key))))] as const;
  });
  const left = Object.fromEntries(kept);
  const body = packed ? Buffer.from(toMessagePack(left)) : Buffer.from(JSON.stringify(left), 'utf8');
  return { body, wanted: { port, tls, certificate } };
}

function valueIn(mapping: object, name: string): unknown {
  return Object.entries(mapping).findLast(([key]) => folded(key) === name)?.[1];
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function unpacked(bytes: Uint8Array): unknown {
  try {
    return fromMessagePack(bytes);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Of letters beyond ASCII, simple folding takes these two for ASCII ones: the long s and the Kelvin sign. */
function folded(key: string): string {
  return key.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase();
}
