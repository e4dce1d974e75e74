/** `roost configure`: registers this host as a node of its panel, as `wings configure` does. */
import { type Command, Option } from 'commander';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { chown, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { errnoOf, Failure } from '../../base/failure.ts';
import { syncDirectory } from '../../base/files/handles.ts';
import { printableText } from '../../base/files/paths.ts';
import { parseConfig } from '../../config/config.ts';
import { isFile, statOf } from '../archive/files.ts';
import { conclude, type Invocation, type JsonOption, type Outcome, subcommand } from '../command.ts';
import { fetchNodeConfiguration } from './node-configuration.ts';
import { type ConfiguredFlavour, mergedConfig, newConfig, PANEL_FLAVOURS, type PanelAnswer } from './panel-config.ts';
import { PartialFile } from '../partial-file.ts';

interface ConfigureOptions extends JsonOption {
  readonly panelUrl: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly node: string;
  readonly flavour?: ConfiguredFlavour;
  readonly config: string;
  readonly configPath?: string;
  readonly override?: boolean;
}

const DEFAULT_PATH = '/etc/roost/config.yml';
const DOING = 'Cannot configure the node';
/** The file holds credentials to all servers of the node. */
const CONFIG_MODE = 0o600;

export function addConfigure(program: Command, invocation: Invocation): void {
  subcommand(program, 'configure', 'Fetch what a panel knows of this node, and write it into a config')
    .requiredOption('--panel-url <url>', 'the panel, such as https://panel.example.com')
    .option('--token <key>', "a key of the panel's application API that may read nodes; others see it in ps")
    .option('--token-file <file>', 'a file that holds this key; "-" reads it from stdin')
    .requiredOption('--node <id>', 'the number of the node in the panel')
    .addOption(
      new Option('--flavour <panel>', 'which panel it is; told by the key, or by the config, where it can be').choices(
        PANEL_FLAVOURS,
      ),
    )
    .addOption(new Option('--config <file>', 'where the config is written').default(DEFAULT_PATH))
    // Its name in 0.1.0.
    .addOption(new Option('--config-path <file>').hideHelp())
    .option('--override', 'change the config that is there: its panel section and its address, nothing else')
    .action((options: ConfigureOptions) => conclude(invocation, options, configure(invocation, options)));
}

async function configure({ env, signal }: Invocation, options: ConfigureOptions): Promise<Outcome> {
  const url = panelAddress(options.panelUrl);
  requireNodeId(options.node);
  const target = writtenFile(resolve(options.configPath ?? options.config));
  const existing = await existingConfig(target, options);
  const key = applicationKey(options);
  const flavour = flavourOf(options, key, target, existing, env);
  const node = await fetchNodeConfiguration({ panelUrl: url, key, node: options.node, signal });
  const answer: PanelAnswer = { flavour, url, node, backups: formerBackups(node.servers) };
  const text =
    existing === undefined ? newConfig(target, answer, env) : mergedConfig(target, existing.text, answer, env);
  await write(target, text, existing);
  const json = { file: target, flavour, url, host: node.host, port: node.port, replaced: existing !== undefined };
  return { json, text: nextSteps(target, answer) };
}

function panelAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const fits = url !== undefined && ['http:', 'https:'].includes(url.protocol) && url.username === '';
  if (fits && url.search === '' && url.hash === '') return url.href.replace(/\/+$/, '');
  throw new Failure('invalid_request', `${DOING}: --panel-url is no address of a panel`, {
    hint: 'It looks like https://panel.example.com',
  });
}

/** A number, or a UUID in Calagopus; other text could form another address of the panel. */
function requireNodeId(id: string): void {
  if (/^[\w-]{1,64}$/.test(id)) return;
  throw new Failure('invalid_request', `${DOING}: --node is no id of a node`, {
    hint: "It is the number in the address of the node's page in the panel.",
  });
}

/** Writes to the target of a linked config, so that the link stays. */
function writtenFile(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return path;
    throw new Failure('invalid_request', `${DOING}: ${printableText(path)}: ${errnoOf(error) ?? String(error)}`);
  }
}

interface Existing {
  readonly text: string;
  readonly uid: number;
  readonly gid: number;
}

async function existingConfig(path: string, { override }: ConfigureOptions): Promise<Existing | undefined> {
  const status = statOf(path);
  if (status === undefined) return undefined;
  if (!isFile(path)) throw new Failure('invalid_request', `${DOING}: ${printableText(path)} is no regular file`);
  if (override !== true) {
    throw new Failure('invalid_request', `${DOING}: there is a config already, ${printableText(path)}`, {
      hint: 'With --override its panel section and its address are changed; all else stays as it is.',
    });
  }
  const { uid, gid } = statSync(path);
  return { text: await readFile(path, 'utf8'), uid, gid };
}

const STDIN = 0;

function applicationKey({ token, tokenFile }: ConfigureOptions): string {
  if ((token === undefined) === (tokenFile === undefined)) {
    throw new Failure('invalid_request', `${DOING}: give its key with --token-file or --token, one of them`, {
      hint: 'Others on this host see --token in the list of processes: --token-file FILE, or --token-file - for stdin.',
    });
  }
  if (tokenFile === undefined) return token ?? '';
  try {
    const key = readFileSync(tokenFile === '-' ? STDIN : tokenFile, 'utf8').trim();
    if (/^[!-~]{1,4096}$/.test(key)) return key;
  } catch (error) {
    const reason = errnoOf(error) ?? String(error);
    throw new Failure('invalid_request', `${DOING}: ${printableText(tokenFile)} cannot be read (${reason})`);
  }
  throw new Failure('invalid_request', `${DOING}: ${printableText(tokenFile)} holds no key`, {
    hint: 'It holds the key alone, in one line.',
  });
}

function flavourOf(
  { flavour }: ConfigureOptions,
  token: string,
  file: string,
  existing: Existing | undefined,
  env: Invocation['env'],
): ConfiguredFlavour {
  if (flavour !== undefined) return flavour;
  const named = existing === undefined ? 'none' : parseConfig(file, existing.text, env).panel.flavour;
  const known = PANEL_FLAVOURS.find((name) => name === named);
  if (known !== undefined) return known;
  if (token.startsWith('ptla_')) return 'pterodactyl';
  if (/^(?:papp|peli)_/.test(token)) return 'pelican';
  throw new Failure('invalid_request', `${DOING}: its key does not tell which panel it is of`, {
    hint: `Add --flavour ${PANEL_FLAVOURS.join(', --flavour ')}.`,
  });
}

/** By default all three daemons keep backups beside the servers. */
function formerBackups(servers: string): string | null {
  const beside = join(dirname(servers), 'backups');
  return statSync(beside, { throwIfNoEntry: false })?.isDirectory() === true ? beside : null;
}

/**
 * The old config stays until the new one is complete. Without an old one, a config created meanwhile is not replaced.
 */
async function write(path: string, text: string, existing: Existing | undefined): Promise<void> {
  const file = await PartialFile.create(path, CONFIG_MODE);
  try {
    await file.write(Buffer.from(text, 'utf8'));
    await file.seal();
    if (existing !== undefined) await chown(file.path, existing.uid, existing.gid).catch(unlessNotRoot);
    await (existing === undefined ? file.publishNew() : file.publish());
    syncDirectory(dirname(path));
  } finally {
    await file.discard();
  }
}

function unlessNotRoot(error: unknown): void {
  if (errnoOf(error) !== 'EPERM') throw error;
}

function nextSteps(path: string, { url, node, backups }: PanelAnswer): string {
  const lines = [
    `Wrote ${printableText(path)}: this node is one of ${url}, and listens on ${node.host}:${node.port}.`,
    ...(node.tls === null ? [] : [`TLS: ${printableText(node.tls.cert)}`]),
    ...(backups === null ? [] : [`Backups of the daemon before are found in ${printableText(backups)}.`]),
    'Next: stop the daemon that answered there before, then',
    `  roost doctor --config ${printableText(path)}`,
    `  roost serve --config ${printableText(path)}`,
  ];
  return lines.join('\n');
}
