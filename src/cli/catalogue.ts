import type { Command } from 'commander';
import { printableText } from '../base/files/paths.ts';
import { loadConfig } from '../config/config.ts';
import { configOption, findConfigFile } from './client/connection.ts';
import { conclude, type Invocation, type JsonOption, type Outcome, subcommand } from './command.ts';
import { countText } from '../base/sizes.ts';

interface RebuildOptions extends JsonOption {
  readonly config?: string;
}

export function addCatalogueCommands(program: Command, invocation: Invocation): void {
  const group = program.command('catalogue').description('Work with what the daemon knows, while it does not run');
  subcommand(
    group,
    'rebuild',
    'Make the catalogue again from the manifests beside the archives; the daemon must not run',
  )
    .addOption(configOption())
    .action((options: RebuildOptions) => conclude(invocation, options, rebuild(invocation, options)));
}

async function rebuild(
  { env, terminal, offlineTools }: Invocation,
  { config: file = findConfigFile() }: RebuildOptions,
): Promise<Outcome> {
  const config = await loadConfig(file, env);
  const report = await (await offlineTools()).rebuildCatalogue(config);
  const passedOver = report.stores.flatMap(({ store, passedOver }) => passedOver.map((key) => ({ store, key })));
  for (const { store, key } of passedOver) {
    terminal.note(`warning: ${store}: ${printableText(key)} does not fit what lies beside it, and was passed over`);
  }
  const lines = report.stores.map(({ store, adopted }) => `${store}: ${countText(adopted, 'backup')}`);
  if (report.setAside !== undefined) lines.push(`The catalogue from before is ${report.setAside}`);
  return { json: report, text: lines.join('\n'), warned: passedOver.length > 0 };
}
