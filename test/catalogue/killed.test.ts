import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Catalogue, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { backupId, jobId } from '../support/catalogue-rows.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { StillClock } from '../support/still-clock.ts';

const WRITER = fileURLToPath(new URL('../support/catalogue-writer.ts', import.meta.url));

/** Lets a writer make so many commits, kills it, and returns what it had said was committed. */
async function killAfter(path: string, first: number, commits: number): Promise<string[]> {
  const writer = spawn(process.execPath, [WRITER, path, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: string[] = [];
  for await (const line of createInterface({ input: writer.stdout })) {
    said.push(line);
    // Not at the commit itself: the writer is somewhere in its next transactions when the signal comes.
    if (said.length === commits) writer.kill('SIGKILL');
  }
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit');
  expect(writer.signalCode).toBe('SIGKILL');
  return said;
}

/** What of a pair's rows is there: both begun, both ended, or nothing, never one without the other. */
function stateOf(catalogue: Catalogue, number: number): string {
  const [backup, job] = [catalogue.backups.find(backupId(number)), catalogue.jobs.find(jobId(number))];
  if (backup === undefined && job === undefined) return 'nothing';
  if (backup?.status === 'COMPLETED' && job?.state === 'done') return 'ended';
  const begun = backup?.status === 'IN_PROGRESS' && (job?.state === 'queued' || job?.state === 'running');
  return begun ? 'begun' : `torn: ${backup?.status} with ${job?.state}`;
}

test('killed in the middle of many transactions, it opens again with all that was committed and nothing half', async () => {
  const path = join(await scratchDirectory(), 'catalogue.db');
  let next = 0;
  for (const commits of [1, 2, 37, 200, 201]) {
    const said = await killAfter(path, next, commits);
    const catalogue = openCatalogue(path, new StillClock());
    const last = new Map(said.map((line) => line.split(' ') as [string, string]));
    for (const [number, state] of last) {
      const found = stateOf(catalogue, Number(number));
      expect(state === 'ended' ? ['ended'] : ['begun', 'ended'], `pair ${number}`).toContain(found);
    }
    const rows = catalogue.backups.list().length;
    for (let number = next; number < rows; number++) expect(['begun', 'ended']).toContain(stateOf(catalogue, number));
    expect(stateOf(catalogue, rows)).toBe('nothing');
    expect(catalogue.jobs.list()).toHaveLength(rows);
    next = rows;
    catalogue.close();
  }
});
