/** Deflating what can be shrunk and storing the rest, run by run. */
import { RunFinder } from './compressible.ts';
import { type DeflateEngine, store, storedLength } from './deflate.ts';
import type { DeflateRun } from './deflate-run.ts';

/** An engine's `deflate`, made of what deflates one run. */
export function deflateRuns(deflateRun: DeflateRun): DeflateEngine['deflate'] {
  const finder = new RunFinder();
  return (input, output) => {
    const room = output.subarray(0, storedLength(input.length));
    let at = 0;
    for (const run of finder.find(input)) {
      const bytes = input.subarray(run.start, run.end);
      const stored = storedLength(bytes.length);
      const deflated = run.compressible ? deflateRun(bytes, room.subarray(at, at + stored - 1)) : undefined;
      // Many short stored runs have more headers between them than one long one, and room is for that.
      if (deflated === undefined && at + stored > room.length) return store(input, output);
      at += deflated ?? store(bytes, output, at);
    }
    return at;
  };
}
