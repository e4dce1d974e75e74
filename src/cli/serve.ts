import type { Command } from 'commander';
import { loadConfig } from '../config/config.ts';
import type { Invocation } from './command.ts';
import { EXIT } from './command.ts';
import { listeningOn, withListenOptions } from './listen-options.ts';
import type { ListenOptions } from './listen-options.ts';
import { runDaemon } from './run-daemon.ts';

interface ServeOptions extends ListenOptions {
  readonly config: string;
}

export function addServe(program: Command, invocation: Invocation): void {
  withListenOptions(program.command('serve'))
    .description('serve backups with a config, until SIGTERM')
    .requiredOption('--config <file>', 'such as /etc/roost/config.yml')
    .action(async (options: ServeOptions) => {
      const config = listeningOn(await loadConfig(options.config, invocation.env), options);
      // The daemon's own log says that it serves: stdout is the log's alone.
      await runDaemon(invocation, config, () => Promise.resolve());
      invocation.exitCode = EXIT.done;
    });
}
