// Controls that JSON.stringify leaves as they are, bidirectional and zero-width characters, and line separators.
const UNSAFE = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** JSON for a terminal or a program: characters that a terminal obeys, or that hide others, are escaped (`\\u202e`). */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
