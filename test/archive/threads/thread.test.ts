import fs from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { currentThread } from '../../../src/archive/threads/thread.ts';
import { writeArchive } from '../../../src/archive/write/write.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { MemorySink, requestFor } from '../../support/written-archive.ts';

/** None of a thread that ended since it was listed. */
function priorityOf(thread: string): number[] {
  try {
    return [os.getPriority(Number(thread))];
  } catch (error) {
    expect(error).toMatchObject({ info: { code: 'ESRCH' } });
    return [];
  }
}

/** The priorities of all threads of this process that Node calls workers, while something of an archive is written. */
async function prioritiesWhileWriting(nice: number): Promise<number[]> {
  const root = await scratchDirectory();
  fs.writeFileSync(join(root, 'world.mca'), Buffer.alloc(100_000, 'world'));
  const before = new Set(fs.readdirSync('/proc/self/task'));
  const seen: number[] = [];
  class Looking extends MemorySink {
    override write(bytes: Uint8Array): Promise<void> {
      const started = fs.readdirSync('/proc/self/task').filter((thread) => !before.has(thread));
      seen.push(...started.flatMap(priorityOf));
      return super.write(bytes);
    }
  }
  await writeArchive(requestFor(root, { nice, archive: new Looking() }));
  return seen;
}

test('the threads of an archive are as much nicer as was asked, and nobody else is', async () => {
  const own = os.getPriority(currentThread());
  const steps = 3;
  const seen = await prioritiesWhileWriting(steps);
  // The thread that writes, and those that compress.
  expect(seen.filter((priority) => priority === own + steps).length).toBeGreaterThanOrEqual(3);
  expect(os.getPriority(currentThread())).toBe(own);
  expect((await prioritiesWhileWriting(0)).filter((priority) => priority !== own)).toEqual([]);
});

test('the priority ends at the lowest that there is', async () => {
  const seen = await prioritiesWhileWriting(100);
  expect(Math.max(...seen)).toBe(19);
});
