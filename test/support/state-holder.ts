/** Holds a state directory in a process of its own until it is killed. */
import fs from 'node:fs';
import { lockStateDirectory } from '../../src/catalogue/state-lock.ts';

const lock = lockStateDirectory(process.argv[2] ?? '');
fs.writeSync(1, 'held\n');
process.stdin.resume().on('end', () => lock.release());
