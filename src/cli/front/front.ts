/** `roost front`: puts Roost before the running Wings of this host, and gives the node back. */
import { type Command, InvalidArgumentError } from 'commander';
import { createInterface } from 'node:readline/promises';
import { Failure } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import { conclude, type Invocation, type JsonOption, type Outcome, subcommand } from '../command.ts';
import { type Applied, applyTakeover } from './apply.ts';
import { publicUrl } from './check.ts';
import type { FrontHost } from './host.ts';
import { type FrontWishes, lookAtHost, type Takeover } from './look.ts';
import { type FrontStep, planTakeover } from './steps.ts';
import { planUndo } from './undo.ts';
import { countText } from '../../base/sizes.ts';

interface FrontOptions extends JsonOption, FrontWishes {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly undo?: boolean;
  /** False with `--no-restart`. */
  readonly restart: boolean;
}

const COMMANDS = 'systemctl restart wings && systemctl enable roost && systemctl restart roost';

export function addFront(program: Command, invocation: Invocation): void {
  subcommand(program, 'front', 'Put Roost before the running Wings of this host; run again, it mends what has drifted')
    .option('--dry-run', 'only say what would be done')
    .option('--yes', 'do not ask')
    .option('--undo', 'give the node back to Wings')
    .option('--no-restart', 'write the files, and print the commands that change over')
    .option('--wings-config <file>', "Wings' own configuration (default: what its unit names)")
    .option(
      '--wings-port <port>',
      'where Wings is to listen on 127.0.0.1 (default: the first free one from 18080)',
      port,
    )
    .option('--wings <url>', 'where a Wings in a container was published, such as http://127.0.0.1:18080')
    .action((options: FrontOptions) =>
      conclude(invocation, options, runFront({ root: '/', env: invocation.env }, options, invocation)),
    );
}

/** @param host whose node is taken over. */
export async function runFront(host: FrontHost, options: FrontOptions, invocation: Invocation): Promise<Outcome> {
  if (host.root === '/' && process.getuid?.() !== 0) {
    throw new Failure('config_invalid', 'Cannot take over this node: that takes root', { hint: 'sudo roost front' });
  }
  return options.undo === true ? giveBack(host, options, invocation) : takeOver(host, options, invocation);
}

async function takeOver(host: FrontHost, options: FrontOptions, invocation: Invocation): Promise<Outcome> {
  const takeover = await lookAtHost(host, options, invocation.clock.now());
  const plan = await planTakeover(host, takeover);
  const steps = [...plan.files, ...plan.services];
  const { note } = told(invocation);
  note(describeFound(takeover));
  for (const line of describeSteps(steps)) note(line);
  for (const warning of takeover.notes) note(`Warning  ${warning}`);
  const json = { found: foundJson(takeover), steps: steps.map(stepJson), notes: takeover.notes };
  if (options.dryRun === true) return { json: { dryRun: true, ...json } };
  await confirm(options, invocation);
  const { restart } = options;
  const applied = await applyTakeover(host, takeover, plan, { restart, ...invocation });
  const undo = 'sudo roost front --undo';
  if (!restart) return { json: { ...json, next: COMMANDS, undo }, text: `Next     ${COMMANDS}\nUndo     ${undo}` };
  return { json: { ...json, ...applied, undo }, text: `${describeDone(applied)}\nUndo     ${undo}` };
}

async function giveBack(host: FrontHost, options: FrontOptions, invocation: Invocation): Promise<Outcome> {
  const undo = await planUndo(host);
  const { note } = told(invocation);
  undo.steps.forEach((step, index) =>
    note(`${index === 0 ? 'Will do ' : '        '} ${index + 1} ${printableText(step)}`),
  );
  if (options.dryRun === true) return { json: { dryRun: true, steps: undo.steps } };
  await confirm(options, invocation);
  const { linked, left } = await undo.run(invocation.signal);
  const lines = left.map(({ backup, reason }) => `Left     ${backup}: ${printableText(reason)}`);
  const text = [
    `Done     Wings serves the node again; ${linked} archives are linked into its directory`,
    ...lines,
  ].join('\n');
  return { json: { steps: undo.steps, linked, left }, text, warned: left.length > 0 };
}

/** What is found and planned goes beside the result, which may be JSON. */
function told({ terminal }: Invocation) {
  return { note: (line: string): void => terminal.note(line) };
}

function describeFound(takeover: Takeover): string {
  const { running, wingsConfig, remote, archives } = takeover;
  const names = { pterodactyl: 'Pterodactyl', pelican: 'Pelican', calagopus: 'Calagopus', elytra: 'Elytra' } as const;
  const kept = archives === 0 ? '' : `; ${archives} archives in its backup directory, which stay there`;
  return printableText(
    `Found    ${names[running.kind]} Wings ${running.version} (wings.service, ${wingsConfig}), ${publicUrl(takeover)} for ` +
      `${remote}, ${countText(running.servers.length, 'server')}, ${running.running} running${kept}`,
  );
}

function describeSteps(steps: readonly FrontStep[]): readonly string[] {
  return steps.map(({ number, what, isNeeded }, index) => {
    const state = isNeeded ? '' : ' (is so already)';
    return printableText(`${index === 0 ? 'Will do ' : '        '} ${number} ${what}${state}`);
  });
}

function describeDone({ away, checked }: Applied): string {
  return `Done     the node was away for ${away?.toFixed(1) ?? '0.0'} s. Checked: ${checked.join(', ')}`;
}

function foundJson({ running, wingsConfig, remote, listen, wings, archives }: Takeover) {
  const { kind, version, servers, running: count } = running;
  return { kind, version, wingsConfig, remote, listen, wings, servers: servers.length, running: count, archives };
}

function stepJson({ number, what, isNeeded }: FrontStep) {
  return { number, what, needed: isNeeded };
}

async function confirm({ yes, json }: FrontOptions, { signal }: Invocation): Promise<void> {
  if (yes === true) return;
  if (json === true || !process.stdin.isTTY) {
    throw new Failure('config_invalid', 'Cannot ask whether to go on: there is no terminal', {
      hint: 'Run it with --dry-run to see what it would do, with --yes to do it.',
    });
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question('Go on? [y/N] ', { signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    asking.close();
  }
  throw new Failure('cancelled', 'Nothing was changed');
}

function port(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= 65_535) return number;
  throw new InvalidArgumentError('It is a port, from 1 to 65535.');
}
