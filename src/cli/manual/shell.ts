/** What the completions of all shells have in common. */
import type { CommandNode, OptionNode, Takes } from './command-tree.ts';

/** Text as one word of a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** `'a' | 'b') action ;;` */
export function caseOf(words: readonly string[], action: string): string {
  return `      ${words.map(quoted).join(' | ')}) ${action} ;;`;
}

export function optionWords({ options }: CommandNode): string[] {
  return options.flatMap(namesOf);
}

export function namesOf({ long, short }: OptionNode): string[] {
  return short === undefined ? [long] : [short, long];
}

/** The kind of value of each option that takes one, by command path and option, such as `backup create --name`. */
export function valuesOf(nodes: readonly CommandNode[]): ReadonlyMap<string, Takes> {
  const found = nodes.flatMap(({ path, options }) =>
    options.flatMap((option) =>
      option.value === undefined
        ? []
        : namesOf(option).map((name): [string, Takes] => [[...path, name].join(' '), option.value ?? 'text']),
    ),
  );
  return new Map(found);
}
