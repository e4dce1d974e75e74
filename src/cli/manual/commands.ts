/** `roost completion` and `roost manual`: generated from the commands themselves, so neither can be out of date. */
import { Argument, type Command } from 'commander';
import { readFileSync } from 'node:fs';
import { packageDirectory } from '../../base/package-directory.ts';
import type { Invocation } from '../command.ts';
import { version } from '../version.ts';
import { bashCompletion } from './bash.ts';
import { commandTree } from './command-tree.ts';
import { fishCompletion } from './fish.ts';
import { commandPage, configPage } from './roff.ts';
import { zshCompletion } from './zsh.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
const PAGES = ['roost.1', 'roost.yml.5'] as const;

/** @param program must have all commands when one of these runs. */
export function addManualCommands(program: Command, { terminal }: Invocation): void {
  program
    .command('completion')
    .description('Print the completion of a shell, for its directory of completions')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SHELLS)))
    .action((shell: keyof typeof SHELLS) => terminal.result(SHELLS[shell](commandTree(program))));
  program
    .command('manual')
    .description('Print a manual page, for man: roost manual roost.1 | man -l -')
    .addArgument(new Argument('[page]', 'which page').choices(PAGES).default(PAGES[0]))
    .action((page: (typeof PAGES)[number]) =>
      terminal.result(
        page === 'roost.1' ? commandPage(commandTree(program), version()) : configPage(example(), version()),
      ),
    );
}

function example(): string {
  return readFileSync(new URL('config.example.yml', packageDirectory()), 'utf8');
}
