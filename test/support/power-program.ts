/** A server that a program starts and stops: it runs while a file is there, and stops once another one is. */
import fs from 'node:fs';
import { join } from 'node:path';
import { type Host, scratchHost } from './daemon.ts';

export interface PoweredHost extends Host {
  /** A file that is there while the server runs. */
  readonly running: string;
  /** A stop waits until this file is there. */
  readonly mayStop: string;
}

/** A host whose server runs, and stops when it is told to. */
export async function poweredHost(): Promise<PoweredHost> {
  const host = await scratchHost();
  const [program, running, mayStop] = ['power', 'running', 'may-stop'].map((name) => join(host.directory, name));
  if (program === undefined || running === undefined || mayStop === undefined) throw new Error('three names');
  const script = `#!/bin/sh
case "$1" in
  status) test -e '${running}' ;;
  stop) while ! test -e '${mayStop}'; do sleep 0.02; done; rm -f '${running}' ;;
  start) : >'${running}' ;;
esac
`;
  fs.writeFileSync(program, script, { mode: 0o755 });
  fs.writeFileSync(running, '');
  fs.writeFileSync(mayStop, '');
  const argv = (what: string): string => `${what}: [${program}, ${what}]`;
  const power = `power: { driver: command, ${argv('status')}, ${argv('stop')}, ${argv('start')} }\n`;
  return { ...host, config: host.config + power, running, mayStop };
}
