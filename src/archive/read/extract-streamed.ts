/** Unpacks an archive without an index, in the order of its entries. */
import type { ByteSource } from '../../base/source.ts';
import { withIndexOnly } from '../open/index-only.ts';
import type { ExtractResult } from '../contract.ts';
import { openStreamedArchive } from '../foreign/open-streamed.ts';
import type { ExtractDeps } from './deps.ts';
import type { ExtractData } from './messages.ts';
import { unpackStreamed } from '../unpack/streamed.ts';

export async function extractStreamed(
  { archive, control, selection, writePace, onProgress }: ExtractDeps,
  data: ExtractData,
): Promise<ExtractResult> {
  const stoppable: ByteSource = {
    ...archive,
    read(offset, length, signal) {
      control.checkStop();
      return archive.read(offset, length, signal);
    },
  };
  const { into, owner, setuid, overwrite, durable, limits, workers } = data;
  return unpackStreamed(withIndexOnly(await openStreamedArchive(stoppable, undefined, data.encoding), data.aside), {
    source: { archive: stoppable },
    into,
    owner,
    setuid,
    overwrite,
    durable,
    limits,
    workers,
    select: data.selecting ? (path, kind) => selection.selects(path, kind) : undefined,
    checkStop: control.checkStop,
    writePace,
    onProgress,
  });
}
