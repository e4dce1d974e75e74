/**
 * For: `roost doctor`, which finds faults that keep backups from working, with their remedies.
 * Promises: a failing check does not prevent the others.
 * Never: marks a store, takes a lock or starts anything; it only reads.
 */
import { jsonText } from '../terminal/json-text.ts';
import { CATALOGUE_NAME } from '../../catalogue/contract.ts';
import type { Command } from 'commander';
import { join } from 'node:path';
import { type Clock, HOUR_MS } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import { inspectCatalogue, type CatalogueFacts } from '../../catalogue/inspect.ts';
import { type Config, loadConfig } from '../../config/config.ts';
import { EXIT, type Invocation, type JsonOption, subcommand } from '../command.ts';
import { findConfigFile } from '../client/connection.ts';
import { checkBackups } from './backups.ts';
import { asFinding, checkDaemon } from './daemon.ts';
import { fault, fine, warning, type Finding } from './finding.ts';
import * as host from './host.ts';
import { checkServers, checkStages } from './servers.ts';
import { checkCopies, checkStores } from './stores.ts';

interface DoctorOptions extends JsonOption {
  readonly config?: string;
}

/** A restarted or updated panel is back within this time. */
const LATE_MS = HOUR_MS;

const MARKS = { ok: 'ok     ', warning: 'warning', fault: 'FAULT  ' } as const;

export function addDoctor(program: Command, invocation: Invocation): void {
  subcommand(program, 'doctor', 'Say what is wrong and how to mend it; exit 0 healthy, 1 faults, 3 warnings only')
    .option('--config <file>', 'the config of the daemon (default: /etc/roost/config.yml, or that of a first run)')
    .action(async (options: DoctorOptions) => {
      const findings = await examine(invocation, options.config);
      const healthy = findings.every(({ level }) => level === 'ok');
      const report = options.json === true ? jsonText({ healthy, findings }) : findings.map(describe).join('\n');
      await invocation.terminal.result(`${report}\n`);
      const faulty = findings.some(({ level }) => level === 'fault');
      invocation.exitCode = healthy ? EXIT.done : faulty ? EXIT.failed : EXIT.warned;
    });
}

async function examine(invocation: Invocation, named: string | undefined): Promise<readonly Finding[]> {
  const node = host.checkNode(process.version);
  const { file, config, findings } = await checkConfig(invocation, named);
  if (config === undefined) return [node, ...findings];
  const { catalogue, finding } = checkCatalogue(join(config.stateDirectory, CATALOGUE_NAME));
  const daemon = await checkDaemon(invocation, config, file, catalogue);
  const others = [
    async () => [host.checkClock(invocation.clock, catalogue)],
    async () => [host.checkEngine(config)],
    async () => checkBackups(config, catalogue, invocation.clock.now()),
    async () => checkCopies(catalogue),
    async () => checkReports(config, catalogue, invocation.clock),
    () => host.checkStateDirectory(config.stateDirectory),
    () => host.checkTls(config),
    () => checkStores(config, catalogue, daemon.stores),
    () => checkServers(config, catalogue?.servers ?? []),
    () => checkStages(config, catalogue),
  ];
  const found: Finding[] = [];
  for (const check of others) found.push(...(await check().catch((error: unknown) => [asFinding('host', error)])));
  return [node, ...findings, finding, ...daemon.findings, ...found];
}

interface CheckedConfig {
  readonly file: string;
  readonly config?: Config;
  readonly findings: readonly Finding[];
}

async function checkConfig({ env }: Invocation, named: string | undefined): Promise<CheckedConfig> {
  let file = '';
  try {
    file = named ?? findConfigFile();
    const config = await loadConfig(file, env);
    const notes = config.notes.map((note) => warning('config', note, `Change ${file}, if it is not meant so.`));
    return { file, config, findings: notes.length > 0 ? notes : [fine('config', `${file} is in order`)] };
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'config_invalid') throw error;
    return { file, findings: [fault('config', error.message, error.hint)] };
  }
}

function checkCatalogue(path: string): { readonly catalogue: CatalogueFacts | undefined; readonly finding: Finding } {
  try {
    const catalogue = inspectCatalogue(path);
    if (catalogue === undefined) return { catalogue, finding: fine('catalogue', 'It is made at the first start') };
    return { catalogue, finding: fine('catalogue', `${catalogue.backups} backups`) };
  } catch (error) {
    return { catalogue: undefined, finding: asFinding('catalogue', error) };
  }
}

function describe({ level, check, message, hint }: Finding): string {
  const sentence = message.split('\n').map(printableText).join('\n        ');
  const line = `${MARKS[level]} ${check}: ${sentence}`;
  return hint === undefined ? line : `${line}\n        ${printableText(hint)}`;
}

/** Checks the reports that the panel has not accepted yet. */
export function checkReports(
  { panel }: Pick<Config, 'panel'>,
  catalogue: CatalogueFacts | undefined,
  clock: Clock,
): Finding[] {
  const owed = catalogue?.deliveries;
  if (owed === undefined || (panel.connection === null && owed.pending + owed.parked === 0)) return [];
  const why = owed.reason === null ? '' : `: ${owed.reason}`;
  if (owed.parked > 0) {
    const hint = 'See "roost panel reports"; mend what it says, then "roost panel retry", or "roost panel drop ID".';
    return [warning('panel', `The panel refused ${reports(owed.parked)}${why}`, hint)];
  }
  if (owed.oldest !== null && clock.now() - owed.oldest > LATE_MS) {
    const since = new Date(owed.oldest).toISOString();
    const hint = 'They are tried again by themselves. Does this host reach panel.url, and does the node’s token fit?';
    return [warning('panel', `The panel is owed ${reports(owed.pending)}, the first since ${since}${why}`, hint)];
  }
  return [
    fine(
      'panel',
      owed.pending === 0 ? 'The panel has been told everything' : `The panel is owed ${reports(owed.pending)}`,
    ),
  ];
}

function reports(count: number): string {
  return count === 1 ? 'a report' : `${count} reports`;
}
