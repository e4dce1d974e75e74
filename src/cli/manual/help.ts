/** What commander's help leaves out: examples, exit codes, environment, and which options are required. */
import { type Command, Help, Option } from 'commander';
import { ENVIRONMENT, EXAMPLES, EXIT_CODES } from './words.ts';

/** Call it before commands are added: they copy the help settings of their parent. */
export function setHelp(root: Command): void {
  // A long list of arguments leaves less than commander wants for what it says; unwrapped, that is cut by the terminal.
  root.configureHelp({ optionDescription, minWidthToWrap: 20 });
}

/** Adds examples to the help of each command. Call it when all commands are there. */
export function addExamples(command: Command, path: readonly string[] = []): void {
  const examples = EXAMPLES[path.join(' ')];
  if (examples !== undefined) command.addHelpText('after', section('Examples', examples));
  if (path.length === 0) {
    command.addHelpText('after', section('Exit codes', EXIT_CODES.map(aligned)));
    command.addHelpText('after', section('Environment', ENVIRONMENT.map(aligned)));
  }
  for (const each of command.commands) addExamples(each, [...path, each.name()]);
}

function optionDescription(option: Option): string {
  const { defaultValue, mandatory } = option;
  const says = mandatory ? `${option.description} (required)` : option.description;
  const plain = new Option(option.flags, says);
  if (option.argChoices !== undefined) plain.choices(option.argChoices);
  // An empty list, a zero or an empty text tell a reader nothing.
  const told = defaultValue !== 0 && defaultValue !== '' && (!Array.isArray(defaultValue) || defaultValue.length > 0);
  if (told) plain.default(defaultValue, option.defaultValueDescription);
  return Help.prototype.optionDescription.call(new Help(), plain);
}

function section(title: string, lines: readonly string[]): string {
  return `\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

function aligned([name, says]: readonly [string, string]): string {
  return `${name.padEnd(12)} ${says}`;
}
