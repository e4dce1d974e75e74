/** The manual pages roost(1) and roost.yml(5), in the macros of man(7). */
import { allCommands, type CommandNode } from './command-tree.ts';
import { ENVIRONMENT, EXAMPLES, EXIT_CODES, FILES } from './words.ts';

export function commandPage(root: CommandNode, version: string): string {
  const commands = allCommands(root).filter(({ path, commands: inner }) => path.length > 0 && inner.length === 0);
  return page([
    heading('roost', 1, version),
    '.SH NAME',
    text(`roost \u2013 ${root.description}`),
    '.SH SYNOPSIS',
    '.B roost',
    '[\\fIcommand\\fR] [\\fIoptions\\fR]',
    '.SH DESCRIPTION',
    text('Backs up the directories of game servers while they run, and brings them back.'),
    text('Alone it shows the servers of the daemon that it finds, their last good backup, the next one, and space.'),
    '.SH COMMANDS',
    ...commands.flatMap(commandPart),
    '.SH EXIT STATUS',
    ...EXIT_CODES.flatMap(entry),
    '.SH ENVIRONMENT',
    ...ENVIRONMENT.flatMap(entry),
    '.SH FILES',
    ...FILES.flatMap(entry),
    '.SH EXAMPLES',
    ...verbatim(EXAMPLES['']?.join('\n') ?? ''),
    '.SH SEE ALSO',
    '.BR roost.yml (5)',
  ]);
}

/** @param example the text of config.example.yml. */
export function configPage(example: string, version: string): string {
  return page([
    heading('roost.yml', 5, version),
    '.SH NAME',
    text('roost.yml \u2013 the config of roost'),
    '.SH DESCRIPTION',
    text('One YAML file, /etc/roost/config.yml on a host. "roost config check" names all of its faults at once.'),
    text('This is every key with its default; what is commented out shows the form of what has none.'),
    '.SH KEYS',
    ...verbatim(example),
    '.SH SEE ALSO',
    '.BR roost (1)',
  ]);
}

function page(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

/** Without a date, so that each build of one commit is the same. */
function heading(name: string, section: number, version: string): string {
  return `.TH ${name.toUpperCase()} ${section} "" "roost ${version}" "Roost"`;
}

function commandPart(node: CommandNode): string[] {
  const words = ['roost', ...node.path, ...node.arguments.map(({ shown }) => shown), '[options]'];
  const examples = EXAMPLES[node.path.join(' ')];
  return [
    `.SS ${text(words.join(' '))}`,
    text(`${node.description}.`),
    ...node.arguments
      .filter(({ description }) => description !== '')
      .flatMap((each) => entry([each.shown, each.description])),
    ...node.options.filter(({ long }) => long !== '--help').flatMap((each) => entry([each.flags, each.description])),
    ...(examples === undefined ? [] : verbatim(examples.join('\n'))),
  ];
}

function entry([term, says]: readonly [string, string]): string[] {
  return ['.TP', `\\fB${text(term)}\\fR`, text(says)];
}

function verbatim(content: string): string[] {
  return ['.PP', '.nf', ...content.trimEnd().split('\n').map(text), '.fi'];
}

/** A line as it is: no request of roff, no escape, and hyphens that can be copied. */
function text(line: string): string {
  const escaped = line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('\u2013', '\\-')
    .replaceAll('\u2026', '...');
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
