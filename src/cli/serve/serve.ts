import type { Command } from 'commander';
import { loadConfig } from '../../config/config.ts';
import { configOption, findConfigFile } from '../client/connection.ts';
import { EXIT, type Invocation } from '../command.ts';
import { listeningOn, type ListenOptions, withListenOptions } from './listen-options.ts';
import { runDaemon } from './run-daemon.ts';

interface ServeOptions extends ListenOptions {
  readonly config?: string;
}

export function addServe(program: Command, invocation: Invocation): void {
  withListenOptions(program.command('serve'))
    .description('Serve backups with a config, until SIGTERM')
    .addOption(configOption())
    .action(async (options: ServeOptions) => {
      const file = options.config ?? findConfigFile();
      const read = async () => listeningOn(await loadConfig(file, invocation.env), options);
      // stdout belongs to the daemon's log, which reports the address.
      const running = { onReady: () => Promise.resolve() };
      // On a terminal SIGHUP means that it was closed; for a service it means reload.
      const service = invocation.terminal.outputColumns === undefined;
      await runDaemon(invocation, await read(), service ? { ...running, readAgain: read } : running);
      invocation.exitCode = EXIT.done;
    });
}
