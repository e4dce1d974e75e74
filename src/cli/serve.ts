import type { Command } from 'commander';
import { loadConfig } from '../config/config.ts';
import type { Invocation } from './command.ts';
import { EXIT } from './command.ts';
import { runDaemon } from './run-daemon.ts';

export function addServe(program: Command, invocation: Invocation): void {
  program
    .command('serve')
    .description('serve backups with a config, until SIGTERM')
    .requiredOption('--config <file>', 'such as /etc/roost/config.yml')
    .action(async ({ config }: { readonly config: string }) => {
      const hint = 'Stop that program, or choose another api.port in the config.';
      // The daemon's own log says that it serves: stdout is the log's alone.
      await runDaemon(invocation, await loadConfig(config, invocation.env), hint, () => Promise.resolve());
      invocation.exitCode = EXIT.done;
    });
}
