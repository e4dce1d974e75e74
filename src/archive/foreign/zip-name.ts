/** Names in zips: bytes whose meaning depends on flags, extra fields and the system that wrote them. */
import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { fromText, isAscii, toText } from '../../base/files/paths.ts';
import { guessEncoding, type NameDecoder } from './name-encoding.ts';

const UTF8_FLAG = 0x800;
const UNICODE_PATH = 0x7075;
/** Systems with backslashes and code pages: DOS, OS/2, NTFS (two numbers are in use), VFAT. */
const DOS_LIKE: ReadonlySet<number> = new Set([0, 6, 10, 11, 14]);
/** Bytes of names that a guess looks at. */
const MAX_SAMPLE = 64 * 1024;

interface NamedRecord {
  readonly flags: number;
  readonly madeBy: number;
}

/**
 * Turns the names of one zip into byte strings.
 *
 * A name that says it is UTF-8 (flag, or Info-ZIP's field) is. Otherwise, with an encoding that the caller named, it is
 * in that. Without one: zips made on unix store raw bytes; those of DOS and Windows are UTF-8 if all such names of the
 * zip are, else in an encoding guessed from all of them. In names of DOS without any slash, backslashes are separators
 * (.NET before 4.6.1, against the format).
 */
export class ZipNames {
  readonly #named: NameDecoder | undefined;
  readonly #sample: Buffer[] = [];
  #sampled = 0;
  #unmarked = 0;
  #isUtf8 = true;
  #guessed: NameDecoder | undefined;

  /** @param named the encoding that the caller named. */
  constructor(named?: NameDecoder) {
    this.#named = named;
  }

  /** Shows a name, before any is decoded: the guess needs them all. */
  add(raw: Buffer, extra: ReadonlyMap<number, Buffer>, record: NamedRecord): void {
    if (!DOS_LIKE.has(record.madeBy) || isMarked(raw, extra, record)) return;
    const name = raw.toString('latin1');
    if (isAscii(name)) return;
    this.#unmarked++;
    if (toText(name) === undefined) this.#isUtf8 = false;
    if (this.#sampled >= MAX_SAMPLE) return;
    this.#sampled += raw.length;
    this.#sample.push(raw);
  }

  /** The path of an entry as a byte string. */
  decode(raw: Buffer, extra: ReadonlyMap<number, Buffer>, record: NamedRecord): string {
    const isDos = DOS_LIKE.has(record.madeBy);
    const unicode = unicodePath(raw, extra.get(UNICODE_PATH));
    const name = (unicode ?? raw).toString('latin1');
    const decoder = unicode === undefined && !isMarked(raw, extra, record) ? this.#decoderFor(name, isDos) : undefined;
    const text = decoder === undefined ? name : fromText(decoder.decode(raw));
    return !isDos || text.includes('/') ? text : text.replaceAll('\\', '/');
  }

  /** What to tell when names were guessed; undefined when none was. */
  get warning(): string | undefined {
    if (this.#named !== undefined || this.#isUtf8) return undefined;
    const { label } = this.#guess();
    const count = this.#unmarked === 1 ? '1 name does not say its' : `${this.#unmarked} names do not say their`;
    return `${count} encoding and cannot be UTF-8; read as ${label}, which is a guess: name the right one with --encoding`;
  }

  #decoderFor(name: string, isDos: boolean): NameDecoder | undefined {
    if (isAscii(name)) return undefined;
    if (this.#named !== undefined) return this.#named;
    return !isDos || this.#isUtf8 ? undefined : this.#guess();
  }

  #guess(): NameDecoder {
    this.#guessed ??= guessEncoding(this.#sample);
    return this.#guessed;
  }
}

function isMarked(raw: Buffer, extra: ReadonlyMap<number, Buffer>, { flags }: NamedRecord): boolean {
  if (unicodePath(raw, extra.get(UNICODE_PATH)) !== undefined) return true;
  return (flags & UTF8_FLAG) !== 0 && toText(raw.toString('latin1')) !== undefined;
}

/** Info-ZIP's UTF-8 name; it counts only if its checksum fits the entry's name. */
function unicodePath(raw: Buffer, field: Buffer | undefined): Buffer | undefined {
  if (field === undefined || field.length < 5 || field[0] !== 1) return undefined;
  return field.readUInt32LE(1) === crc32(raw) ? field.subarray(5) : undefined;
}

/** The extra fields of a header by id; the first of an id counts, and a truncated field ends them. */
export function extraFields(extra: Buffer): ReadonlyMap<number, Buffer> {
  const fields = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= extra.length;) {
    const id = extra.readUInt16LE(at);
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.length) break;
    if (!fields.has(id)) fields.set(id, extra.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
