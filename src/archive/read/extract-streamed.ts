/** Unpacking an archive that has no index, in order, as it comes. */
import type { Pace } from '../../base/rates.ts';
import type { ByteSource } from '../../base/source.ts';
import { withIndexOnly } from '../open/index-only.ts';
import type { ExtractResult } from '../contract.ts';
import type { Control } from '../threads/control.ts';
import type { ArchiveProgress } from '../entry.ts';
import { openStreamedArchive } from '../foreign/open-streamed.ts';
import type { SelectionPort } from './selection-port.ts';
import type { ExtractData } from './messages.ts';
import { unpackStreamed } from '../unpack/streamed.ts';

export async function extractStreamed(
  archive: ByteSource,
  data: ExtractData,
  choice: SelectionPort,
  control: Control,
  writePace: Pace,
  onProgress: (progress: ArchiveProgress) => void,
): Promise<ExtractResult> {
  const stoppable: ByteSource = {
    ...archive,
    read(offset, length, signal) {
      control.checkStop();
      return archive.read(offset, length, signal);
    },
  };
  const { into, owner, setuid, overwrite, durable, limits, workers } = data;
  return unpackStreamed(withIndexOnly(await openStreamedArchive(stoppable), data.aside), {
    source: { archive: stoppable },
    into,
    owner,
    setuid,
    overwrite,
    durable,
    limits,
    workers,
    ...(data.selecting ? { select: (path, kind) => choice.selects(path, kind) } : {}),
    checkStop: control.checkStop,
    writePace,
    onProgress,
  });
}
