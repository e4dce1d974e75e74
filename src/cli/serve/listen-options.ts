/** `--host` and `--port`, which override the config. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Config } from '../../config/config.ts';

export interface ListenOptions {
  readonly host?: string;
  readonly port?: number;
}

export function withListenOptions(command: Command): Command {
  return command
    .option('--host <address>', 'the address to listen on, instead of api.host in the config')
    .option('--port <port>', 'the port to listen on, instead of api.port in the config', parsePort);
}

export function listeningOn(config: Config, { host, port }: ListenOptions): Config {
  const { api } = config;
  return { ...config, api: { ...api, host: host ?? api.host, port: port ?? api.port } };
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535) throw new InvalidArgumentError('It is a number from 0 to 65535.');
  return port;
}
