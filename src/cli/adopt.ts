/** `roost adopt`: takes over what another agent left, so that a host can change to Roost without losing a backup. */
import { type Command, Option } from 'commander';
import { resolve } from 'node:path';
import { Failure } from '../base/failure.ts';
import { isUuid, type ServerId } from '../base/ids.ts';
import { printableText } from '../base/files/paths.ts';
import { formatBytes } from '../base/sizes.ts';
import { loadConfig } from '../config/config.ts';
import { configOption, findConfigFile } from './client/connection.ts';
import { conclude, type Invocation, type JsonOption, type Outcome, subcommand } from './command.ts';
import type { AdoptReport, AdoptRequest } from '../base/adopt-report.ts';
import { shortId } from './terminal/short-id.ts';
import { table, type TableStyle } from './terminal/table.ts';

interface AdoptOptions extends JsonOption {
  readonly config?: string;
  readonly server?: string;
  readonly how: AdoptRequest['how'];
  readonly dryRun?: boolean;
}

export function addAdopt(program: Command, invocation: Invocation): void {
  subcommand(
    program,
    'adopt',
    'Take over archives that Wings, Pelican, Calagopus or StellarStack left; the daemon must not run',
  )
    .argument('<directories...>', "an agent's directory of backups, or that of one server in it")
    .addOption(configOption())
    .option('--server <uuid>', 'whose the archives are that lie in no directory of a server')
    .addOption(
      new Option('--how <way>', 'link: share the bytes, copy where that cannot be; move: the old name goes in the end')
        .choices(['link', 'copy', 'move'])
        .default('link'),
    )
    .option('--dry-run', 'read and judge every archive, and take none')
    .action((directories: string[], options: AdoptOptions) =>
      conclude(invocation, options, adopt(invocation, directories, options)),
    );
}

async function adopt(invocation: Invocation, directories: readonly string[], options: AdoptOptions): Promise<Outcome> {
  const { terminal, env, signal } = invocation;
  const server = parseServer(options.server);
  const config = await loadConfig(options.config ?? findConfigFile(), env);
  const tools = await invocation.offlineTools();
  const report = await tools.adoptArchives(config, {
    directories: directories.map((directory) => resolve(directory)),
    server,
    how: options.how,
    dryRun: options.dryRun === true,
    signal,
    onFile: (path, number, total) => terminal.status(`${number}/${total} ${printableText(path)}`.slice(0, 70)),
  });
  terminal.clearStatus();
  for (const { path, reason } of report.refused) terminal.note(`refused: ${printableText(path)}: ${reason}`);
  return { json: report, text: describe(report, terminal.style), warned: report.refused.length > 0 };
}

function parseServer(text: string | undefined): ServerId | null {
  if (text === undefined) return null;
  const id = text.toLowerCase();
  if (isUuid(id)) return id as ServerId;
  throw new Failure('invalid_request', `Cannot use --server ${text}: it is no UUID`);
}

function describe({ adopted, refused }: AdoptReport, style: TableStyle): string {
  if (adopted.length === 0) return refused.length > 0 ? 'No archive was taken over' : 'There is no archive';
  const rows = adopted.map(({ backup, server, size, state, path }) => [
    shortId(backup),
    shortId(server),
    formatBytes(size),
    state,
    path,
  ]);
  return table(['BACKUP', 'SERVER', 'SIZE', 'STATE', 'FROM'], rows, style);
}
