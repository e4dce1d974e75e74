/** The host whose node is taken over: its files, and systemd through `systemctl`. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf, Failure } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';

export interface FrontHost {
  /** Absolute; '/' unless its files are looked for elsewhere. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const WINGS_UNIT = 'wings.service';
export const ROOST_UNIT = 'roost.service';
/** Optional: the node's address, held by systemd. */
export const SOCKET_UNIT = 'roost.socket';

export const roostConfigOf = ({ root }: FrontHost): string => join(root, 'etc/roost/config.yml');
export const dropInOf = ({ root }: FrontHost): string => join(root, `etc/systemd/system/${ROOST_UNIT}.d/front.conf`);
/** Where the panels' own guides put the file of their daemon. */
export const wingsFilesOf = ({ root }: FrontHost): readonly string[] =>
  ['pelican', 'pterodactyl'].map((name) => join(root, 'etc', name, 'config.yml'));

/** A unit takes minutes where its start ends what a crash had left. */
const UNIT_MS = 16 * 60_000;
const NO_SYSTEMD = /not been booted with systemd|Failed to connect to bus|^ENOENT$/;
const OUTPUT_BYTES = 1024 * 1024;

/**
 * Runs `systemctl` and waits for it.
 *
 * @returns what it printed.
 * @throws Failure `internal` with the end of what it said.
 */
export async function systemctl({ env }: FrontHost, ...argv: readonly string[]): Promise<string> {
  try {
    const options = { env: env as NodeJS.ProcessEnv, timeout: UNIT_MS, maxBuffer: OUTPUT_BYTES };
    return (await promisify(execFile)('systemctl', argv, options)).stdout;
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string };
    const said = printableText((stderr.trim().replaceAll('\n', '; ') || errnoOf(error)) ?? 'it failed').slice(-400);
    throw new Failure('internal', `Cannot run systemctl ${argv.join(' ')}: ${said}`, {
      cause: error,
      hint: NO_SYSTEMD.test(said)
        ? 'No systemd runs on this host (in a container it usually does not): "roost front" and its undo work through its units.'
        : 'journalctl -u wings -u roost says why a unit does not start.',
    });
  }
}

/** @returns one property of a unit; '' where systemd does not know it. */
export async function unitProperty(host: FrontHost, unit: string, property: string): Promise<string> {
  return (await systemctl(host, 'show', unit, `--property=${property}`, '--value')).trim();
}
