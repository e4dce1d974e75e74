/** What an earlier installation left at places that go before those of a package of the system. */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from '../../base/files/handles.ts';
import type { Installation } from './installation.ts';
import type { Step } from './step.ts';

/** systemd.unit(5): a unit here replaces the package's. */
const UNIT = '/etc/systemd/system/roost.service';
/** Before /usr/bin in everyone's PATH. */
const COMMAND = '/usr/local/bin/roost';

/**
 * Renames them, so that the package's unit and command count. Without these steps the former version would go on starting.
 * Units that an operator masked, or copied from the package's to change them, stay.
 *
 * @param at the path on the disk of a path of the system that is set up.
 */
export function hidingSteps({ packaged, base }: Installation, at: (path: string) => string): Step[] {
  if (!packaged) return [];
  const command = contentOf(at(COMMAND));
  const starts = /^ExecStart=.*/gm.exec(contentOf(at(UNIT)) ?? '');
  return [
    ...(command !== undefined && /dist\/main\.js|systemd\/roost/.test(command)
      ? [aside(at(COMMAND), COMMAND, 'the command of an earlier installation, which hides this one')]
      : []),
    ...(starts !== null && !starts[0].includes(`${base}/`)
      ? [aside(at(UNIT), UNIT, 'the unit of an earlier installation, which hides this one')]
      : []),
  ];
}

function aside(path: string, shown: string, why: string): Step {
  const free = freeName(path);
  const run = (): Promise<void> => {
    fs.renameSync(path, free);
    syncDirectory(dirname(path));
    return Promise.resolve();
  };
  return { what: shown, why: `${why}; now ${free.slice(dirname(path).length + 1)}`, todo: 'aside', run };
}

function freeName(path: string): string {
  let name = `${path}.old`;
  for (let number = 2; fs.lstatSync(name, { throwIfNoEntry: false }) !== undefined; number += 1) {
    name = `${path}.old${number}`;
  }
  return name;
}

/** The text of a file, and where a link leads; undefined where neither is. */
function contentOf(path: string): string | undefined {
  const status = fs.lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return undefined;
  if (!status.isSymbolicLink()) return status.isFile() ? fs.readFileSync(path, 'utf8') : undefined;
  const text = fs.statSync(path, { throwIfNoEntry: false })?.isFile() === true ? fs.readFileSync(path, 'utf8') : '';
  return `${fs.readlinkSync(path)}\n${text}`;
}
