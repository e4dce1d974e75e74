/**
 * Gives the node back to Wings. Order:
 *
 *   1 Roost ends, its socket first: the next request would start it again
 *   2 Wings' four keys are turned back in its file as it is then (its token may be new), and Wings restarts
 *   3 archives are linked into its layout
 *   4 Roost's unit forgets the front
 *   5 Roost's configuration forgets it; until here, an undo that is run again after a failure goes on
 *   6 the former file of Wings is removed; one that stays is replaced by the next take-over
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { CATALOGUE_NAME } from '../../catalogue/contract.ts';
import { inspectCatalogue } from '../../catalogue/inspect.ts';
import { type Config, parseConfig } from '../../config/config.ts';
import { driftOf, readWingsConfig } from '../../servers/wings-config.ts';
import { file as fileStep } from '../setup/step.ts';
import { giveArchives, type GivenArchives } from './archives.ts';
import { untilWingsAnswers } from './check.ts';
import {
  dropInOf,
  type FrontHost,
  ROOST_UNIT,
  roostConfigOf,
  SOCKET_UNIT,
  systemctl,
  unitProperty,
  WINGS_UNIT,
} from './host.ts';
import { urlOf } from './look.ts';
import { withoutFront } from './roost-config.ts';
import { originalAddress, removeFile, writeAs } from './steps.ts';
import { formerOf, readText, withAddress } from './wings-file.ts';

export interface Undo {
  /** What will be done, in words. */
  readonly steps: readonly string[];
  run(signal: AbortSignal): Promise<GivenArchives>;
}

/** @throws Failure `config_invalid` where there is no front, `server_busy` while a restore runs. */
export async function planUndo(host: FrontHost): Promise<Undo> {
  const path = roostConfigOf(host);
  if (!fs.existsSync(path)) throw noFront(`there is no ${path}`);
  const text = fs.readFileSync(path, 'utf8');
  const config = parseConfig(path, text, host.env);
  const { front } = config;
  if (front === null || front.wingsConfig === null) throw noFront(`${path} has no front with a file of Wings`);
  requireNoRestore(config);
  const wingsPath = front.wingsConfig;
  const address = originalAddress(wingsPath, front.listen);
  const wings = await readWingsConfig(wingsPath);
  const { backupDirectory } = wings;
  // The file of a Wings in a container was never changed by Roost: its operator changed the address.
  const moved = fs.existsSync(formerOf(wingsPath)) || driftOf(wings, front.wings).length === 0;
  const units = [...((await holdsSocket(host)) ? [SOCKET_UNIT] : []), ROOST_UNIT];
  const where = `${address.host ?? '0.0.0.0'}:${address.port ?? 8080}`;
  return {
    steps: [
      `stop and disable ${units.join(' and ')}`,
      moved
        ? `move Wings back to ${where}, in ${wingsPath} as it is now, and restart wings.service`
        : `leave Wings where it is: publish it at ${where} again`,
      `link the archives of Roost into ${backupDirectory ?? 'no directory: Wings names none'}`,
      `take the front out of ${path} and away from the unit`,
    ],
    async run(signal) {
      await systemctl(host, 'stop', ...units);
      await systemctl(host, 'disable', ...units);
      if (moved) {
        await writeAs(wingsPath, withAddress(readText(wingsPath), wingsPath, address), wingsPath);
        await systemctl(host, 'restart', WINGS_UNIT);
      }
      const given = giveArchives(config, config.panel.flavour, backupDirectory);
      if (moved) await untilWingsAnswers(urlOf(address), wingsPath, signal);
      removeFile(dropInOf(host));
      await systemctl(host, 'daemon-reload');
      await fileStep(path, withoutFront(text), 0o600, '').run();
      removeFile(formerOf(wingsPath));
      return given;
    },
  };
}

async function holdsSocket(host: FrontHost): Promise<boolean> {
  if ((await unitProperty(host, SOCKET_UNIT, 'ActiveState')) === 'active') return true;
  return (await unitProperty(host, SOCKET_UNIT, 'UnitFileState')) === 'enabled';
}

function requireNoRestore({ stateDirectory }: Config): void {
  const facts = inspectCatalogue(join(stateDirectory, CATALOGUE_NAME));
  if ((facts?.restoring.size ?? 0) + (facts?.swapping ?? 0) === 0) return;
  throw new Failure('server_busy', 'Cannot give the node back: a server is being restored', {
    hint: 'Wait for its end (roost jobs), then run this again.',
    retry: true,
  });
}

function noFront(problem: string): Failure {
  return new Failure('config_invalid', `Cannot give the node back to Wings: ${problem}`, {
    hint: 'Roost does not stand before Wings here, as far as its configuration says.',
  });
}
