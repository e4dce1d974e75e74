import { allCommands, type CommandNode, type OptionNode, type Takes } from './command-tree.ts';
import { namesOf, valuesOf } from './shell.ts';

/** A completion for fish 3 and newer. */
export function fishCompletion(root: CommandNode): string {
  const nodes = allCommands(root);
  const commands = nodes.slice(1).map(({ path }) => path.join(' '));
  const values = [...valuesOf(nodes).keys()];
  return `# fish completion of roost; made by "roost completion fish"
function __roost_at --description 'Whether the words so far name this command of roost, and no command of it'
    set -l at
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
            continue
        end
        set -l next (string join ' ' -- $at $word)
        switch $next
            case ${commands.map(quotedForFish).join(' ')}
                set at $next
            case ${values.map(quotedForFish).join(' ')}
                set skip yes
        end
    end
    test "$at" = "$argv"
end
complete -c roost -f
${nodes.flatMap(linesOf).join('\n')}
`;
}

function linesOf(node: CommandNode): string[] {
  const at = `complete -c roost -n ${quotedForFish(`__roost_at ${node.path.join(' ')}`.trim())}`;
  const takes = node.arguments.find(({ takes: kind }) => kind !== 'text')?.takes ?? 'text';
  return [
    ...node.commands.map(
      ({ path, description }) => `${at} -a ${quotedForFish(path.at(-1) ?? '')} -d ${quotedForFish(description)}`,
    ),
    ...node.options.map((option) => `${at} ${optionOf(option)}`),
    ...(takes === 'text' ? [] : [`${at} ${valueOf(takes)}`]),
  ];
}

function optionOf(option: OptionNode): string {
  const names = namesOf(option).map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = option.value === undefined ? '' : ` -r ${valueOf(option.value)}`;
  return `${names.join(' ')}${value} -d ${quotedForFish(option.description)}`;
}

function valueOf(takes: Takes): string {
  if (takes === 'text') return '-f';
  if (takes === 'file') return '-F';
  return takes === 'directory' ? "-f -a '(__fish_complete_directories)'" : `-f -a ${quotedForFish(takes.join(' '))}`;
}

function quotedForFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
