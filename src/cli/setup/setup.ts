/** `roost setup`: makes a host ready for the service. Run again, it changes only what is not as it should be. */
import type { Command } from 'commander';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import { conclude, type Invocation, type JsonOption, type Outcome, subcommand } from '../command.ts';
import { dropIn } from './drop-in.ts';
import { CONFIG, hostConfig, TOKEN, type Wishes } from './first-config.ts';
import { hidingSteps } from './hiding.ts';
import { configExample, installation, type Installation, sharedFiles, systemdFile } from './installation.ts';
import { directory, file, firstFile, link, type Step } from './step.ts';
import { user, userIds } from './user.ts';

interface SetupOptions extends JsonOption, Wishes {
  readonly dryRun?: boolean;
  readonly root: string;
}

const UNITS = '/etc/systemd/system';
const SHARE = '/usr/local/share';
const DONE = { '': 'is there', make: 'made', change: 'changed', aside: 'set aside', run: 'done' } as const;
const PLANNED = {
  '': 'is there',
  make: 'would be made',
  change: 'would be changed',
  aside: 'would be set aside',
  run: 'would be done',
} as const;

export function addSetup(program: Command, invocation: Invocation): void {
  subcommand(program, 'setup', 'Make this host ready for the service: user, token, config, unit')
    .option('--servers <directory>', 'of the game servers, for a new config')
    .option('--backups <directory>', 'of the backups, for a new config')
    .option('--dry-run', 'only say what would be done')
    .option('--root <directory>', 'of another system that is set up, such as an image', '/')
    .action((options: SetupOptions) => conclude(invocation, options, setup(invocation, options)));
}

async function setup({ env }: Invocation, options: SetupOptions): Promise<Outcome> {
  const root = resolve(options.root);
  const dryRun = options.dryRun === true;
  if (root === '/' && !dryRun && process.getuid?.() !== 0) {
    throw new Failure('invalid_request', 'Cannot set up this host: that takes root', {
      hint: 'sudo roost setup; with --dry-run it says what it would do.',
    });
  }
  // Everything is looked at first: a config with a fault stops it before any change.
  const steps = plan(root, options, env);
  if (!dryRun) for (const step of steps) if (step.todo !== '') await step.run();
  const words = dryRun ? PLANNED : DONE;
  const lines = steps.map(({ what, why, todo }) => `${words[todo]}: ${printableText(what)} (${why})`);
  // A service that runs goes on with the unit that it was started by.
  const former = steps.some(({ what, todo }) => (todo === 'change' || todo === 'aside') && what.startsWith(UNITS));
  const start = former ? 'systemctl reenable roost && systemctl restart roost' : 'systemctl enable --now roost';
  const next = `Next: look into ${CONFIG}, then ${start} && roost doctor`;
  const json = { dryRun, steps: steps.map(({ what, why, todo }) => ({ what, why, state: words[todo] })) };
  return { json, text: [...lines, next].join('\n') };
}

/** In the order in which they are done: what a later step or the service needs comes first, the running unit last. */
function plan(root: string, wishes: Wishes, env: Invocation['env']): Step[] {
  const installed = installation(root);
  const { text, config, token } = hostConfig(root, configExample(installed), wishes, env);
  const at = (path: string): string => join(root, path);
  const files = [
    ...(installed.packaged ? [] : installedFiles(installed, at)),
    user(root),
    directory(at('/etc/roost'), 0o700, () => undefined, 'config and tokens, for root alone', '/etc/roost'),
    directory(at('/var/lib/roost'), 0o700, () => userIds(root), 'catalogue and backups', '/var/lib/roost'),
    // A config from a panel, or one of its own tokens, has no need of it.
    ...(text.includes(`file://${TOKEN}`)
      ? [firstFile(at(TOKEN), `${token}\n`, 0o600, 'a random token of the API, for the command line', TOKEN)]
      : []),
    firstFile(at(CONFIG), text, 0o600, 'every setting with its default', CONFIG),
    ...dropIns(config, at),
    ...hidingSteps(installed, at),
  ];
  const changed = files.some(({ what, todo }) => todo !== '' && what.startsWith(UNITS));
  return root === '/' && changed && existsSync('/run/systemd/system') ? [...files, reload()] : files;
}

/** The files that a distribution package would install: made here when Roost was installed in another way. */
function installedFiles(installed: Installation, at: (path: string) => string): Step[] {
  const { base, current, byNpm } = installed;
  const unit = `${UNITS}/roost.service`;
  const socket = `${UNITS}/roost.socket`;
  const users = '/etc/sysusers.d/roost.conf';
  const directories = '/etc/tmpfiles.d/roost.conf';
  const command = '/usr/local/bin/roost';
  return [
    ...(current === undefined ? [] : [link(current.path, current.target, 'the version that starts')]),
    ...(byNpm ? [] : [link(at(command), join(base, 'systemd/roost'), 'the command', command)]),
    ...sharedFiles(installed).map((name) =>
      link(at(`${SHARE}/${name}`), join(base, 'share', name), 'manual, completion', `${SHARE}/${name}`),
    ),
    file(at(users), systemdFile(installed, 'sysusers.d/roost.conf'), 0o644, 'the user', users),
    file(at(directories), systemdFile(installed, 'tmpfiles.d/roost.conf'), 0o644, 'its directories', directories),
    file(at(socket), systemdFile(installed, 'roost.socket'), 0o644, 'optional: docs/front.md', socket),
    file(at(unit), systemdFile(installed, 'roost.service'), 0o644, 'the service', unit),
  ];
}

function dropIns(config: Parameters<typeof dropIn>[0], at: (path: string) => string): Step[] {
  const path = `${UNITS}/roost.service.d/paths.conf`;
  return [file(at(path), dropIn(config), 0o644, 'what the service may write, by the config', path)];
}

function reload(): Step {
  const run = (): Promise<void> => {
    execFileSync('systemctl', ['daemon-reload'], { stdio: 'ignore' });
    return Promise.resolve();
  };
  return { what: 'systemctl daemon-reload', why: 'systemd reads the unit again', todo: 'run', run };
}
