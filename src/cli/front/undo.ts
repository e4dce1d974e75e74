/**
 * Gives the node back to Wings. Order: Roost ends, Wings' four keys are turned back in its file as it is then (its token
 * may be new) and Wings restarts, archives are linked into its layout, and Roost's configuration and unit forget the
 * front. Each step may be repeated; run again after a failure, it goes on.
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
import { dropInOf, type FrontHost, ROOST_UNIT, roostConfigOf, systemctl, WINGS_UNIT } from './host.ts';
import { urlOf } from './look.ts';
import { withoutFront } from './roost-config.ts';
import { originalAddress, writeAs } from './steps.ts';
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
  const where = `${address.host ?? '0.0.0.0'}:${address.port ?? 8080}`;
  return {
    steps: [
      'stop and disable roost.service',
      moved
        ? `move Wings back to ${where}, in ${wingsPath} as it is now, and restart wings.service`
        : `leave Wings where it is: publish it at ${where} again`,
      `link the archives of Roost into ${backupDirectory ?? 'no directory: Wings names none'}`,
      `take the front out of ${path} and away from the unit`,
    ],
    async run(signal) {
      await systemctl(host, 'stop', ROOST_UNIT);
      await systemctl(host, 'disable', ROOST_UNIT);
      if (moved) {
        await writeAs(wingsPath, withAddress(readText(wingsPath), wingsPath, address), wingsPath);
        await systemctl(host, 'restart', WINGS_UNIT);
      }
      const given = giveArchives(config, config.panel.flavour, backupDirectory);
      if (moved) await untilWingsAnswers(urlOf(address), wingsPath, signal);
      await fileStep(path, withoutFront(text), 0o600, '').run();
      fs.rmSync(dropInOf(host), { force: true });
      fs.rmSync(formerOf(wingsPath), { force: true });
      await systemctl(host, 'daemon-reload');
      return given;
    },
  };
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
