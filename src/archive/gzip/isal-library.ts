/**
 * ISA-L, Intel's storage library `libisal.so.2` (Debian, Ubuntu: libisal2), called through koffi. The heads of its two
 * structures (isa-l/igzip_lib.h: isal_zstream, inflate_state) are the same in all releases of that soname; the rest is
 * private to the library, and gets more memory than it needs.
 */
import koffi, { type LibraryHandle } from 'koffi';

const LIBRARY = 'libisal.so.2';

let loaded: LibraryHandle | null | undefined;

/** The library, loaded once a thread; undefined when this host has none. */
export function loadIsal(): LibraryHandle | undefined {
  if (loaded === undefined) {
    try {
      loaded = koffi.load(LIBRARY);
    } catch {
      loaded = null;
    }
  }
  return loaded ?? undefined;
}

type NativeFunction = ReturnType<LibraryHandle['func']>;

/** Functions by their declaration: each `func` makes a new one, which is never freed. */
const found = new Map<string, NativeFunction>();

/**
 * A function of the library, found once a thread; undefined without the library.
 *
 * @throws when the library has no such function.
 */
export function isalFunction(declaration: string): NativeFunction | undefined {
  const known = found.get(declaration) ?? loadIsal()?.func(declaration);
  if (known !== undefined) found.set(declaration, known);
  return known;
}

/** Memory that never moves, so that the library can hold its address. */
export function fixedMemory(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes));
}

/** sizeof(struct inflate_state) is below 90 KiB. */
export const INFLATE_STATE_BYTES = 256 * 1024;
/** The head of struct inflate_state. */
export const INFLATE_STATE = {
  nextOut: 0,
  availOut: 8,
  totalOut: 12,
  nextIn: 16,
  availIn: 32,
  /** Bits that were taken from the input and not used yet. */
  readInLength: 36,
};

/** Where bytes lie, for a structure's pointer field; they must be kept alive while the library uses them. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}

/** The CRC-32 (RFC 1952) of some bytes. */
export type Checksum = (bytes: Uint8Array) => number;

/**
 * CRC-32 nine times as fast as zlib's, which saves a tenth of a backup's CPU time. Undefined without ISA-L, or with one from
 * before 2018, which lacks it.
 */
export function makeIsalChecksum(): Checksum | undefined {
  try {
    const crc32 = isalFunction('uint32_t crc32_gzip_refl(uint32_t start, const void *bytes, uint64_t length)');
    return crc32 && ((bytes) => (bytes.length === 0 ? 0 : Number(crc32(0, bytes, bytes.length))));
  } catch {
    return undefined;
  }
}
