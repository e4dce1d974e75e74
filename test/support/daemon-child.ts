/**
 * A whole daemon that kills itself at the nth step of its restores, those of its recovery included. Started with one
 * JSON argument; prints where it serves, then each step that it came to, a JSON value a line.
 */
import fs from 'node:fs';
import { silentLog } from '../../src/base/log/log.ts';
import { composeDaemon } from '../../src/compose/daemon.ts';
import { parseConfig } from '../../src/config/config.ts';

interface Orders {
  readonly config: string;
  /** The number of the step to die at, counted from 0; null to live. */
  readonly dieAt: number | null;
}

const { config, dieAt } = JSON.parse(process.argv[2] ?? '') as Orders;
let steps = 0;
const daemon = await composeDaemon(parseConfig('config.yml', config, {}), {
  log: silentLog(),
  onRestoreStep: (step) => {
    if (steps++ === dieAt) process.kill(process.pid, 'SIGKILL');
    // At once: what is buffered dies with the process.
    fs.writeSync(1, `${JSON.stringify({ step })}\n`);
  },
});
const { url } = await daemon.start();
fs.writeSync(1, `${JSON.stringify({ url })}\n`);
