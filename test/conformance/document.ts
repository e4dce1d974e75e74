/**
 * A document that the API was built from, walked line by line. Each test quotes the lines that it is about; a last test
 * fails when a line is neither quoted nor layout, and another when docs/conformance.md does not say what was tested.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test, type TestContext } from 'vitest';
import { rowsOf, titleOf } from './table.ts';

type Check = (context: TestContext) => Promise<void> | void;

export interface Walk {
  /** A test of these lines; `behaviour` says what Roost does. */
  readonly says: (lines: string | readonly string[], behaviour: string, check: Check) => void;
  /** Headings, table heads and other lines that promise nothing. */
  readonly layout: (lines: readonly string[]) => void;
}

/** @param name the document's file, and the heading of its table. */
export function walkDocument(name: string, walk: (document: Walk) => void): void {
  const path = new URL(`documents/${name}.txt`, import.meta.url);
  const promised = readFileSync(path, 'utf8').split('\n').map(trimmed).filter(saysSomething);
  const known = new Set<string>();
  const titles: string[] = [];
  const take = (lines: readonly string[]): void => {
    const strange = lines.filter((line) => !promised.includes(line));
    if (strange.length > 0) throw new Error(`not in ${name}: ${strange.join(' / ')}`);
    for (const line of lines) known.add(line);
  };

  describe(name, () => {
    walk({
      says(lines, behaviour, check) {
        const all = typeof lines === 'string' ? [lines] : lines;
        take(all);
        const title = titleOf(all, behaviour);
        titles.push(title);
        test(title, check);
      },
      layout: take,
    });
  });

  describe('conformance', () => {
    test(`every line of ${name} is quoted by a test, or is layout`, () => {
      expect(promised.filter((line) => !known.has(line))).toEqual([]);
    });

    test(`docs/conformance.md holds a row for each test of ${name}`, () => {
      const table = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8');
      expect(rowsOf(table, name)).toEqual(titles.map((title) => ({ title, result: 'passed' })));
    });
  });
}

// The web page that a document was taken from put blanks and byte order marks around its lines.
function trimmed(line: string): string {
  return line.replace(/^[\s\u200b\ufeff]+|[\s\u200b\ufeff]+$/gu, '');
}

function saysSomething(line: string): boolean {
  return !/^[[\]{},]*$/.test(line);
}
