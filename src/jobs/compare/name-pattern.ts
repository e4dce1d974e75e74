/**
 * What a search for names looks for: a part of a name, in any case; with `*` or `?` in it, the whole name by that pattern.
 * Takes time by the product of the two lengths at most, whatever strangers choose.
 */
import { toText } from '../../base/files/paths.ts';

/** True for a name (a byte string) that fits. */
export type NameTest = (name: string) => boolean;

/** A test of names (byte strings) for a substring, or for a pattern with `*` and `?`; case does not matter. */
export function nameTest(query: string): NameTest {
  const wanted = folded(query);
  if (!/[*?]/.test(query)) return (name) => folded(textOf(name)).includes(wanted);
  return (name) => fits(folded(textOf(name)), wanted);
}

function textOf(name: string): string {
  return toText(name) ?? name;
}

function folded(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

/** `*` stands for any characters, `?` for one. Goes back to the last star only, which is enough. */
function fits(text: string, pattern: string): boolean {
  let [at, from, star, resume] = [0, 0, -1, 0];
  while (at < text.length) {
    const wanted = pattern[from];
    if (wanted === '*') [star, resume] = [from++, at];
    else if (wanted === '?' || (wanted !== undefined && wanted === text[at])) [at, from] = [at + 1, from + 1];
    else if (star >= 0) [from, at] = [star + 1, ++resume];
    else return false;
  }
  while (pattern[from] === '*') from++;
  return from === pattern.length;
}
