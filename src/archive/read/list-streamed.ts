/** Lists an archive without an index: proves that it is the recorded one, then reads it through for its names. */
import { openStreamedArchive } from '../foreign/open-streamed.ts';
import { withIndexOnly } from '../open/index-only.ts';
import { makeListing } from '../open/listing.ts';
import { requireRecorded } from './integrity.ts';
import type { ReadDeps } from './deps.ts';
import type { ListData } from './messages.ts';
import { hashAll } from './verify-streamed.ts';

export async function listStreamed(
  { archive, control }: Pick<ReadDeps, 'archive' | 'control'>,
  { aside, expected, encoding }: ListData,
): Promise<Uint8Array | undefined> {
  const sha256 = await hashAll(archive, control, () => undefined);
  requireRecorded({ size: archive.size, sha256 }, expected);
  const streamed = await openStreamedArchive(archive, undefined, encoding);
  return makeListing(withIndexOnly(streamed, aside), expected, control.checkStop);
}
