/**
 * Archives a directory as a process of its own, for tests that need another user or its own memory:
 * `node archive-child.ts ROOT` prints the result as JSON and the archive's entries as `entries`.
 */
import { gunzipSync } from 'node:zlib';
import type { WriteResult } from '../../src/archive/contract.ts';
import { writeArchive } from '../../src/archive/write/write.ts';
import { tarEntries } from './tar-entries.ts';

export interface ChildResult extends WriteResult {
  /** Path and content of each entry, both as byte strings. */
  readonly contents: readonly (readonly [string, string])[];
}

const parts: Buffer[] = [];
const result = await writeArchive({
  root: process.argv[2] ?? '',
  ignore: [],
  exclude: [],
  level: 'fast',
  engine: 'auto',
  workers: 2,
  archive: {
    write: async (bytes) => {
      parts.push(Buffer.from(bytes));
    },
  },
  index: { write: async () => undefined },
  maxSize: 0,
});
const entries = tarEntries(gunzipSync(Buffer.concat(parts)));
const contents = entries.map(({ path, content }) => [path, content.toString('latin1')] as const);
process.stdout.write(JSON.stringify({ ...result, contents } satisfies ChildResult));
