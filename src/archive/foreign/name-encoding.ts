/**
 * Encodings of names that are not UTF-8: one that the operator names, or a guess.
 *
 * The guess adds up, for each encoding, how likely its readers would use each character that the bytes stand for: the
 * everyday ideographs, syllables and letters of an encoding are in one block of its table, rare ones and symbols are
 * not. The most likely encoding that decodes all names is taken, else the zip format's own, code page 437.
 */
import { Failure } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';

export interface NameDecoder {
  /** As an operator names it. */
  readonly label: string;
  /** The text of a name. Bytes that mean nothing in the encoding are read as code page 437, so that no two become one. */
  decode(raw: Uint8Array): string;
}

/** Characters 128 to 255 of code page 437 (APPNOTE, appendix D). */
const CP437 =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00A0';
const CP437_LABELS = new Set(['cp437', 'ibm437', '437']);

/**
 * The decoder of an encoding.
 *
 * @param label `cp437`, or a label of the WHATWG Encoding Standard: `gbk`, `shift_jis`, `big5`, `euc-kr`, `ibm866`, …
 * @throws Failure `invalid_request` when there is none, or its names would not be bytes of ASCII's kind (UTF-16).
 */
export function nameDecoder(label: string): NameDecoder {
  if (CP437_LABELS.has(label.toLowerCase())) return { label: 'cp437', decode: fromCodePage };
  const decoder = textDecoder(label);
  if (decoder === undefined || decoder.encoding.startsWith('utf-16')) {
    throw new Failure('invalid_request', `Cannot read names as "${printableText(label)}": there is no such encoding`, {
      hint: 'Such as gbk, big5, shift_jis, euc-kr, ibm866, windows-1252 or cp437.',
    });
  }
  const decode = (raw: Uint8Array): string => {
    try {
      return decoder.decode(raw);
    } catch {
      return fromCodePage(raw);
    }
  };
  return { label, decode };
}

function textDecoder(label: string): InstanceType<typeof TextDecoder> | undefined {
  try {
    return new TextDecoder(label, { fatal: true, ignoreBOM: true });
  } catch {
    return undefined;
  }
}

function fromCodePage(raw: Uint8Array): string {
  let text = '';
  for (const byte of raw) text += byte < 0x80 ? String.fromCharCode(byte) : (CP437[byte - 0x80] ?? '?');
  return text;
}

/** How likely one character is, as a natural logarithm, and the bytes that it takes. */
interface Judged {
  readonly length: 1 | 2;
  readonly weight: number;
  /** A letter that is written beside Latin ones. */
  readonly isLatin?: boolean;
}

type Judge = (first: number, second: number) => Judged;

const EVERYDAY_KANA = -5.1;
const UNCOMMON = -10.5;
const RARE = -13.8;
const SYMBOL = -9.2;
const LETTER = -4.1;
/** A character beside letters of another script, or a Latin one beside none, is that much less likely. */
const MIXED = -3;

const pair = (weight: number): Judged => ({ length: 2, weight });
const single = (weight: number, isLatin = false): Judged => ({ length: 1, weight, isLatin });
const within = (value: number, from: number, to: number): boolean => value >= from && value <= to;

/** For Chinese and Korean: the block of everyday characters, and the one of uncommon ones, by their first bytes. */
function eastern(
  everyday: readonly [number, number],
  weight: number,
  uncommon: readonly [number, number],
  low: number,
) {
  return (first: number, second: number): Judged => {
    if (first < 0x81 || second < low) return first < 0x81 ? single(SYMBOL) : pair(RARE);
    if (within(first, ...everyday)) return pair(weight);
    return pair(within(first, ...uncommon) ? UNCOMMON : RARE);
  };
}

function japanese(first: number, second: number): Judged {
  if (within(first, 0xa0, 0xdf) || first === 0x80) return single(-7.6);
  const code = first * 256 + second;
  const isKana = within(code, 0x829f, 0x82f1) || within(code, 0x8340, 0x8396) || code === 0x815b;
  if (isKana) return pair(EVERYDAY_KANA);
  if (within(code, 0x889f, 0x9872)) return pair(-8.7);
  return pair(within(code, 0x989f, 0xeaa4) ? UNCOMMON : first === 0x81 ? SYMBOL : RARE);
}

/** For one byte a character: which bytes are letters. */
function alphabet(isLetter: (byte: number) => boolean, isLatin: boolean, weight = LETTER): Judge {
  return (first) => (isLetter(first) ? single(weight, isLatin) : single(SYMBOL));
}

/** In the order that decides between equals. */
const CANDIDATES: readonly (readonly [label: string, judge: Judge])[] = [
  ['cp437', alphabet((byte) => within(byte, 0x80, 0x9a) || within(byte, 0xa0, 0xa5) || byte === 0xe1, true)],
  ['gbk', eastern([0xb0, 0xd7], -8.2, [0xd8, 0xf7], 0xa1)],
  ['shift_jis', japanese],
  ['euc-kr', eastern([0xb0, 0xc8], -7.8, [0xca, 0xfd], 0xa1)],
  ['big5', eastern([0xa4, 0xc6], -8.6, [0xc9, 0xf9], 0x40)],
  ['ibm866', alphabet((byte) => within(byte, 0x80, 0xaf) || within(byte, 0xe0, 0xf1), false)],
  ['windows-1251', alphabet((byte) => byte >= 0xc0 || byte === 0xa8 || byte === 0xb8, false, LETTER - 0.7)],
  ['windows-1252', alphabet((byte) => byte >= 0xc0, true, LETTER - 0.7)],
];

/**
 * Guesses the encoding that names share.
 *
 * @param names none of ASCII alone.
 */
export function guessEncoding(names: readonly Uint8Array[]): NameDecoder {
  const ranked = CANDIDATES.filter(([label]) => label === 'cp437' || decodesAll(label, names))
    .map(([label, judge]) => ({ label, weight: names.reduce((sum, name) => sum + weigh(name, judge), 0) }))
    .sort((one, other) => other.weight - one.weight);
  return nameDecoder(ranked[0]?.label ?? 'cp437');
}

function decodesAll(label: string, names: readonly Uint8Array[]): boolean {
  const decoder = textDecoder(label);
  if (decoder === undefined) return false;
  try {
    for (const name of names) decoder.decode(name);
    return true;
  } catch {
    return false;
  }
}

function weigh(name: Uint8Array, judge: Judge): number {
  let weight = 0;
  let afterLatin = false;
  for (let at = 0; at < name.length;) {
    const first = name[at] ?? 0;
    if (first < 0x80) {
      afterLatin = isLatinLetter(first);
      at++;
      continue;
    }
    const judged = judge(first, name[at + 1] ?? 0);
    const isLatin = judged.isLatin ?? false;
    const besideLatin: boolean = afterLatin || isLatinLetter(name[at + judged.length]);
    weight += judged.weight + (isLatin === besideLatin ? 0 : MIXED);
    afterLatin = isLatin && besideLatin;
    at += judged.length;
  }
  return weight;
}

function isLatinLetter(byte = 0): boolean {
  return within(byte | 0x20, 0x61, 0x7a);
}
