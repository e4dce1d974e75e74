/**
 * Runs in a process of its own until it is killed: transactions that each make a backup and its job, or end a pair.
 * After each commit it writes the pair's number and state to stdout, which is its word that this will survive.
 */
import fs from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { backupId, completed, jobId, newBackup, newJob } from './catalogue-rows.ts';

const catalogue = openCatalogue(process.argv[2] ?? '', systemClock);
const first = Number(process.argv[3]);

for (let number = first; ; number++) {
  catalogue.transaction(() => {
    catalogue.backups.insert(newBackup(number));
    catalogue.jobs.insert(newJob(number));
  });
  fs.writeSync(1, `${number} begun\n`);
  catalogue.jobs.start(jobId(number), 'write');
  catalogue.transaction(() => {
    catalogue.backups.complete(backupId(number), completed());
    catalogue.jobs.finish(jobId(number), 'done');
  });
  fs.writeSync(1, `${number} ended\n`);
}
