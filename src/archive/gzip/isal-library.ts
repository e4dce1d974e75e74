/**
 * ISA-L, Intel's storage library: `libisal.so.2` (Debian, Ubuntu: libisal2), called through koffi. The heads of its two
 * structures (isa-l/igzip_lib.h: isal_zstream, inflate_state) have been the same in all releases of that soname; what
 * lies behind them is the library's own, and is given more room than it needs.
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

/** Memory that stays where it is, so that the library may be told its address. */
export function fixedMemory(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes));
}

/** Where bytes lie, for a structure's pointer field; they must be kept alive while the library uses them. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}
