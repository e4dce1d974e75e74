import { allCommands, type CommandNode, type Takes } from './command-tree.ts';
import { caseOf, namesOf, quoted, valuesOf } from './shell.ts';

/** A completion for zsh: as a file `_roost` in its `fpath`, or by `source <(roost completion zsh)`. */
export function zshCompletion(root: CommandNode): string {
  const nodes = allCommands(root);
  const values = valuesOf(nodes);
  return `#compdef roost
# zsh completion of roost; made by "roost completion zsh"
_roost() {
  local at= at_word word before=\${words[CURRENT-1]}
  local -i i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    at_word="\${at:+$at }$word"
    case $at_word in
${caseOf(
  nodes.slice(1).map(({ path }) => path.join(' ')),
  'at=$at_word',
)}
${caseOf([...values.keys()], '((i++))')}
    esac
  done
  case "\${at:+$at }$before" in
${[...values].map(([path, takes]) => caseOf([path], `${complete(takes)}; return`)).join('\n')}
  esac
  case $at in
${nodes.map((node) => caseOf([node.path.join(' ')], described(node))).join('\n')}
  esac
  ((\${#commands})) && _describe -t commands command commands
  _describe -t options option options
}
# Sourced, it is registered; found in fpath, it is called.
if [[ \${funcstack[1]} == _roost ]]; then _roost "$@"; else compdef _roost roost; fi
`;
}

function described(node: CommandNode): string {
  const commands = node.commands.map(({ path, description }) => item(path.at(-1) ?? '', description));
  const options = node.options.flatMap((option) => namesOf(option).map((name) => item(name, option.description)));
  const takes = node.arguments.find(({ takes: kind }) => kind !== 'text')?.takes ?? 'text';
  return `commands=(${commands.join(' ')}); options=(${options.join(' ')}); ${complete(takes)}`;
}

/** A completion and its description, which zsh separates by a colon. */
function item(word: string, description: string): string {
  return quoted(`${word}:${description.replaceAll('\\', '\\\\').replaceAll(':', '\\:')}`);
}

function complete(takes: Takes): string {
  if (takes === 'text') return ':';
  if (takes === 'file') return '_files';
  if (takes === 'directory') return '_files -/';
  return `compadd -- ${takes.map(quoted).join(' ')}`;
}
