/**
 * Writes docs/conformance.md from a run of the conformance suites: `node test/conformance/table.ts`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ARROW = ' ⇒ ';
const BREAK = ' ⏎ ';

export interface Row {
  readonly title: string;
  readonly result: string;
}

export function titleOf(lines: readonly string[], behaviour: string): string {
  return `${lines.join(BREAK)}${ARROW}${behaviour}`;
}

/** The rows under a document's heading in the table that `tableOf` wrote, formatted or not. */
export function rowsOf(markdown: string, name: string): Row[] {
  const [, section = ''] = markdown.split(`\n## ${name}\n`);
  return (section.split('\n## ', 1)[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [quoted = '', behaviour = '', result = ''] = line
        .slice(1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim());
      const lines = quoted.split('<br>').map((cell) => unescaped(cell.replace(/^(`+) ?(.*?) ?\1$/, '$2')));
      return { title: titleOf(lines, unescaped(behaviour)), result };
    });
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

function tableOf({ testResults }: Report): string {
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  const walked = results.filter(({ title }) => title.includes(ARROW));
  const names = [...new Set(walked.map(({ ancestorTitles }) => ancestorTitles[0] ?? ''))].sort();
  const sections = names.map((name) => {
    const rows = walked.filter(({ ancestorTitles }) => ancestorTitles[0] === name).map(rowText);
    return `## ${name}\n\n| the document says | Roost | test |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `${HEAD}\n${sections.join('\n')}`;
}

const HEAD = `# Conformance with the documents that the API was built from

Written by \`node test/conformance/table.ts\` from a run of the tests in \`test/conformance/\`; a test fails when it is out
of date. Each row is one test, with the lines of the document that it is about. Where the live panels differ from these
documents, [client-api.md](client-api.md) and [stellarstack.md](stellarstack.md) say what Roost does, and why.
`;

function rowText({ title, status }: { readonly title: string; readonly status: string }): string {
  const [quoted = '', behaviour = ''] = title.split(ARROW);
  const lines = quoted.split(BREAK).map((line) => {
    const fence = line.includes('`') ? '``' : '`';
    return `${fence}${escaped(line)}${fence}`;
  });
  return `| ${lines.join('<br>')} | ${escaped(behaviour)} | ${status} |`;
}

function escaped(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}

function unescaped(text: string): string {
  return text.replaceAll(String.raw`\|`, '|');
}

function writeTable(): void {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  const report = join(directory, 'report.json');
  const output = fileURLToPath(new URL('../../docs/conformance.md', import.meta.url));
  const options = ['--project', 'quick', '--reporter=json', `--outputFile=${report}`];
  try {
    execFileSync('vitest', ['run', 'test/conformance', ...options], { stdio: 'inherit' });
  } catch {
    // The table that is about to be replaced fails its own test; the rows say what else failed.
  }
  writeFileSync(output, tableOf(JSON.parse(readFileSync(report, 'utf8')) as Report));
  execFileSync('prettier', ['--write', '--log-level', 'warn', output], { stdio: 'inherit' });
  rmSync(directory, { recursive: true });
}

if (import.meta.main) writeTable();
