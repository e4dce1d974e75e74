/** Checks the host: Node, clock, engine, permissions, server directories. */
import { requireAccess } from '../../base/files/access.ts';
import { constants } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { selectedEngine } from '../../archive/archive.ts';
import type { Clock } from '../../base/clock.ts';
import { asFailure, errnoOf } from '../../base/failure.ts';
import { formatBytes, MEBIBYTE } from '../../base/sizes.ts';
import type { CatalogueFacts } from '../../catalogue/inspect.ts';
import type { Config } from '../../config/config.ts';
import { fault, fine, warning, type Finding } from '../../base/finding.ts';

const OLDEST_NODE = 24;
/** A clock before this day was never set: Roost did not exist yet. */
const FIRST_DAY = Date.UTC(2025, 0, 1);
const CLOCK_SLACK_MS = 300_000;
/** Room for the catalogue's journal and the spool. */
const STATE_RESERVE = 256 * MEBIBYTE;

export function checkNode(version: string): Finding {
  if (Number.parseInt(version.replace(/^v/, ''), 10) >= OLDEST_NODE) return fine('node', `Node ${version}`);
  return fault(
    'node',
    `Node ${version} is too old: ${OLDEST_NODE} is needed`,
    'Run "npm ci" in the installation: it brings the right Node along.',
  );
}

/** @param catalogue undefined when there is none; then no time can be compared. */
export function checkClock(clock: Clock, catalogue: CatalogueFacts | undefined): Finding {
  const now = clock.now();
  const hint = 'Set it, and keep it set: timedatectl set-ntp true. Retention and download links go by it.';
  if (now < FIRST_DAY) return fault('clock', `The clock says ${new Date(now).toISOString()}: it is not set`, hint);
  const newest = catalogue?.newest ?? 0;
  if (newest > now + CLOCK_SLACK_MS) {
    return fault('clock', `The clock has gone back: a backup was recorded at ${new Date(newest).toISOString()}`, hint);
  }
  return fine('clock', `The clock says ${new Date(now).toISOString()}`);
}

export function checkEngine({ backups: { engine: wanted } }: Config): Finding {
  const install =
    'Install ISA-L: apt-get install libisal2 (Debian, Ubuntu), dnf install libisal (Fedora). Then restart.';
  try {
    const engine = selectedEngine(wanted);
    if (engine === 'isal') return fine('engine', 'Archives are compressed by ISA-L');
    if (wanted === 'zlib') return fine('engine', 'Archives are compressed by zlib, as the config says');
    return warning('engine', 'Archives are compressed by zlib, several times slower than by ISA-L', install);
  } catch (error) {
    return fault('engine', asFailure(error, 'Cannot choose an engine').message, install);
  }
}

export async function checkStateDirectory(directory: string): Promise<Finding[]> {
  const about = 'state_directory';
  try {
    const { mode } = await stat(directory);
    await requireAccess(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(directory);
    const free = bavail * bsize;
    const findings: Finding[] = [];
    if ((mode & 0o077) !== 0) {
      const hint = `chmod 700 ${directory}: it holds the key that signs download links.`;
      findings.push(warning(about, `Others may look into the state directory ${directory}`, hint));
    }
    if (free < STATE_RESERVE) {
      findings.push(fault(about, `Only ${formatBytes(free)} are free for the catalogue`, 'Free space on that disk.'));
    }
    return findings.length > 0 ? findings : [fine(about, `${directory}, ${formatBytes(free)} free`)];
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return [fine(about, `${directory} is made at the first start`)];
    const hint = `Run this as the user of the daemon, and give that user ${directory} (chown, chmod 700).`;
    return [fault(about, `Cannot use the state directory ${directory}: ${errno ?? String(error)}`, hint)];
  }
}

export async function checkTls({ api: { tls } }: Config): Promise<Finding[]> {
  if (tls === null) return [];
  const findings: Finding[] = [];
  for (const path of [tls.cert, tls.key]) {
    try {
      await requireAccess(path, constants.R_OK);
    } catch (error) {
      const hint = 'Correct api.tls, or let the daemon’s user read it.';
      findings.push(fault('tls', `Cannot read ${path}: ${errnoOf(error) ?? String(error)}`, hint));
    }
  }
  return findings.length > 0 ? findings : [fine('tls', 'Certificate and key can be read')];
}
