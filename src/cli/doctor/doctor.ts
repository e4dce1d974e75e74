/**
 * For: `roost doctor`, which finds faults that keep backups from working, with their remedies.
 * Promises: a failing check does not prevent the others.
 * Never: marks a store, keeps a lock or starts anything; it only reads.
 */
import { painted } from '../terminal/colour.ts';
import { jsonText } from '../terminal/json-text.ts';
import { CATALOGUE_NAME } from '../../catalogue/contract.ts';
import type { Command } from 'commander';
import { join } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import { inspectCatalogue, type CatalogueFacts } from '../../catalogue/inspect.ts';
import { type Config, loadConfig } from '../../config/config.ts';
import { EXIT, type Invocation, type JsonOption, subcommand } from '../command.ts';
import { configOption, findConfigFile } from '../client/connection.ts';
import { fault, fine, warning, type Finding } from '../../base/finding.ts';
import { checkBackups } from '../../policy/health/backups.ts';
import { checkCopies, checkReports } from '../../policy/health/owed.ts';
import { checkProtection } from '../../policy/health/protected.ts';
import { checkHooks } from '../../policy/health/running.ts';
import { checkServers, checkStages } from '../../servers/examine.ts';
import { openRegistry } from '../../servers/registry.ts';
import { asFinding, checkDaemon } from './daemon.ts';
import { checkFront } from './front.ts';
import * as host from './host.ts';
import { checkPanelPush } from './panel-push.ts';
import { checkReadable, checkStores, checkVaults } from './stores.ts';
import { countText } from '../../base/sizes.ts';

interface DoctorOptions extends JsonOption {
  readonly config?: string;
}

const MARKS = { ok: 'ok', warning: 'warning', fault: 'FAULT' } as const;
const MARK_WIDTH = 7;

export function addDoctor(program: Command, invocation: Invocation): void {
  subcommand(program, 'doctor', 'Say what is wrong and how to mend it; exit 0 healthy, 1 faults, 3 warnings only')
    .addOption(configOption())
    .action(async (options: DoctorOptions) => {
      const findings = await examine(invocation, options.config);
      const healthy = findings.every(({ level }) => level === 'ok');
      const report =
        options.json === true
          ? jsonText({ healthy, findings })
          : findings.map((found) => describe(found, invocation.terminal.style.colour)).join('\n');
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
  const ofHost = [
    async () => [host.checkClock(invocation.clock, catalogue)],
    async () => [host.checkEngine(config)],
    () => host.checkStateDirectory(config.stateDirectory),
    () => host.checkTls(config),
    () => checkFront(config, invocation.clock, { root: '/', env: invocation.env }),
    async () => checkPanelPush(config),
    () => checkVaults(config),
  ];
  // What the daemon has examined, with its own rights, is not asked again with those of this user.
  const checks = daemon.examined ? [...ofHost, () => checkReadable(config)] : [...ofHost, ...fromOutside(config)];
  const found: Finding[] = [];
  for (const check of checks) {
    found.push(...(await check(catalogue, invocation).catch((error: unknown) => [asFinding('host', error)])));
  }
  return oneClock([node, ...findings, finding, ...daemon.findings, ...found]);
}

type Check = (catalogue: CatalogueFacts | undefined, invocation: Invocation) => Promise<Finding[]>;

/** The checks that need no running daemon: they read the files that it would read. */
function fromOutside(config: Config): Check[] {
  const isWatched = config.power.driver !== 'none';
  return [
    async (catalogue, { clock }) => checkBackups(config, catalogue, clock.now()),
    async (catalogue) => (isWatched ? checkHooks(catalogue?.unquiesced ?? []) : []),
    async (catalogue) => checkCopies(catalogue),
    async (catalogue, { clock }) => checkReports(config.panel.connection !== null, catalogue?.deliveries, clock.now()),
    (catalogue) => checkStores(config, catalogue),
    (catalogue) => checkServers(config, catalogue?.servers ?? []),
    (catalogue) => checkStages(config, catalogue?.restoring ?? new Set()),
    async (catalogue, { clock }) => {
      // Without a catalogue the daemon was never started, which is a finding of its own.
      if (catalogue === undefined) return [];
      const servers = (await openRegistry(config.servers).list()).map(({ id }) => id);
      const { histories } = catalogue;
      const panel = config.panel.connection !== null;
      return checkProtection({ servers, histories, schedules: config.schedules, panel }, clock.now());
    },
  ];
}

const WORST = ['fault', 'warning', 'ok'] as const;

/** A clock that this command and the daemon both find wrong is one finding. */
function oneClock(findings: readonly Finding[]): Finding[] {
  const clocks = findings.filter(({ check }) => check === 'clock');
  const worst = WORST.map((level) => clocks.find((finding) => finding.level === level)).find((found) => found);
  return findings.filter((finding) => finding.check !== 'clock' || finding === worst);
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
    return { catalogue, finding: fine('catalogue', countText(catalogue.backups, 'backup')) };
  } catch (error) {
    return { catalogue: undefined, finding: asFinding('catalogue', error) };
  }
}

function describe({ level, check, message, hint }: Finding, colour: boolean): string {
  const mark = MARKS[level].padEnd(MARK_WIDTH);
  const sentence = message.split('\n').map(printableText).join('\n        ');
  const line = `${colour ? painted(MARKS[level], mark) : mark} ${check}: ${sentence}`;
  return hint === undefined ? line : `${line}\n        ${printableText(hint)}`;
}
