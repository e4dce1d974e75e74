import type { Command } from 'commander';
import { loadConfig } from '../../config/config.ts';
import { notesOnHost } from '../../config/notes-on-host.ts';
import { notesOnRestores } from '../../config/notes.ts';
import { configOption, findConfigFile } from '../client/connection.ts';
import { conclude, type Invocation, type JsonOption, type Outcome, subcommand } from '../command.ts';

interface CheckOptions extends JsonOption {
  readonly config?: string;
}

export function addConfigCommands(program: Command, invocation: Invocation): void {
  const group = program.command('config').description('Work with the config');
  subcommand(group, 'check', 'Name all faults of a config at once; exit 2 when there are any')
    .addOption(configOption())
    .action((options: CheckOptions) => conclude(invocation, options, check(invocation, options)));
}

async function check(
  { terminal, env }: Invocation,
  { config: file = findConfigFile() }: CheckOptions,
): Promise<Outcome> {
  const config = await loadConfig(file, env);
  const notes = [...config.notes, ...notesOnRestores(config), ...(await notesOnHost(config))];
  for (const note of notes) terminal.note(`note: ${note}`);
  return { json: { file, ok: true, notes }, text: `${file} is in order` };
}
