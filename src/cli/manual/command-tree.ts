/** The commands as data, read from commander: what completions and the manual page are made of. */
import type { Command } from 'commander';

export interface CommandNode {
  /** Such as `['backup', 'create']`; empty for the program. */
  readonly path: readonly string[];
  readonly description: string;
  readonly arguments: readonly ArgumentNode[];
  readonly options: readonly OptionNode[];
  readonly commands: readonly CommandNode[];
}

export interface ArgumentNode {
  /** With its brackets, such as `<server>`. */
  readonly shown: string;
  readonly description: string;
  readonly takes: Takes;
}

export interface OptionNode {
  readonly long: string;
  readonly short?: string;
  /** Such as `--config <file>`. */
  readonly flags: string;
  readonly description: string;
  /** Absent for an option without a value. */
  readonly value?: Takes;
}

/** What a shell completes a value to; a list is all there can be. */
export type Takes = 'file' | 'directory' | 'text' | readonly string[];

const HELP: OptionNode = { long: '--help', short: '-h', flags: '-h, --help', description: 'display help for command' };

/** @param command with all of its commands. */
export function commandTree(command: Command, path: readonly string[] = []): CommandNode {
  return {
    path,
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      shown: bracketed(argument.name(), argument.required, argument.variadic),
      description: argument.description,
      takes: argument.argChoices ?? takesOf(argument.name()),
    })),
    options: [...command.options.filter(({ hidden }) => !hidden).map(optionNode), HELP],
    commands: command.commands.map((each) => commandTree(each, [...path, each.name()])),
  };
}

/** The node and all below it, each before its own commands. */
export function allCommands(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(allCommands)];
}

function optionNode({ long, short, flags, description, argChoices }: Command['options'][number]): OptionNode {
  const value = /<([^>]+)>/.exec(flags)?.[1];
  return {
    long: long ?? '',
    flags,
    description,
    ...(short === undefined ? {} : { short }),
    ...(value === undefined ? {} : { value: argChoices ?? takesOf(value) }),
  };
}

function takesOf(name: string): Takes {
  if (name === 'file' || name === 'archive') return 'file';
  return name === 'directory' || name === 'directories' ? 'directory' : 'text';
}

function bracketed(name: string, required: boolean, variadic: boolean): string {
  const shown = variadic ? `${name}...` : name;
  return required ? `<${shown}>` : `[${shown}]`;
}
