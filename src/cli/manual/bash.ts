import { allCommands, type CommandNode, type Takes } from './command-tree.ts';
import { caseOf, optionWords, quoted, valuesOf } from './shell.ts';

/** A completion for bash 4.2 and newer. */
export function bashCompletion(root: CommandNode): string {
  const nodes = allCommands(root);
  const commands = nodes.slice(1).map(({ path }) => path.join(' '));
  const values = valuesOf(nodes);
  return `# bash completion of roost; made by "roost completion bash"
_roost() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} at= at_word word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    at_word="\${at:+$at }$word"
    case $at_word in
${caseOf(commands, 'at=$at_word')}
${caseOf([...values.keys()], '((i++))')}
    esac
  done
  case "\${at:+$at }$before" in
${[...values].map(([path, takes]) => caseOf([path], `${reply(takes)}; return`)).join('\n')}
  esac
  case $at in
${nodes.map((node) => caseOf([node.path.join(' ')], positional(node))).join('\n')}
  esac
}
complete -F _roost roost
`;
}

function positional(node: CommandNode): string {
  const words = [...node.commands.map(({ path }) => path.at(-1) ?? ''), ...optionWords(node)];
  const takes = node.arguments.find(({ takes: kind }) => kind !== 'text')?.takes ?? 'text';
  return `${reply(words)}; [[ $current == -* ]] || { ${more(takes)}; }`;
}

function reply(takes: Takes): string {
  if (takes === 'text') return ':';
  if (takes === 'file') return 'compopt -o default';
  if (takes === 'directory') return 'compopt -o dirnames';
  return `COMPREPLY=($(compgen -W ${quoted(takes.join(' '))} -- "$current"))`;
}

/** Beside the options; a list adds to them. */
function more(takes: Takes): string {
  if (typeof takes === 'string') return takes === 'text' ? ':' : `COMPREPLY=(); ${reply(takes)}`;
  return `COMPREPLY+=($(compgen -W ${quoted(takes.join(' '))} -- "$current"))`;
}
