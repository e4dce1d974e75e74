/** The stored bytes of an older archive: one file, or ranges of several. */
import fs from 'node:fs';
import type { OpenFileParts } from '../../../base/file-parts.ts';
import { type Extent, extentsOf } from '../../../base/files/file-parts.ts';
import { partsSource } from '../../../base/files/part-reads.ts';
import { openFileSource } from '../../../base/files/file-source.ts';
import type { ByteSource } from '../../../base/source.ts';
import type { WriteBase } from '../../contract.ts';

export interface BaseArchive extends ByteSource {
  /** The stretches of open files that hold a range of it. @throws Failure `archive_damaged` when it is not inside. */
  extents(offset: number, length: number): readonly Extent[];
}

/** @throws Failure `archive_damaged`, system errors. */
export function openBaseArchive(archive: WriteBase['archive']): BaseArchive {
  if (typeof archive === 'string') {
    const source = openFileSource(archive);
    return { ...source, extents: (offset, length) => [{ descriptor: source.descriptor, offset, length }] };
  }
  const descriptors: number[] = [];
  const close = (): void => {
    for (const descriptor of descriptors.splice(0)) fs.closeSync(descriptor);
  };
  try {
    const flags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW;
    for (const path of archive.paths) descriptors.push(fs.openSync(path, flags));
  } catch (error) {
    close();
    throw error;
  }
  return partedArchive({ ...archive, descriptors: [...descriptors] }, close);
}

function partedArchive(parts: OpenFileParts, close: () => void): BaseArchive {
  return {
    ...partsSource(parts),
    extents: (offset, length) => Array.from(extentsOf(parts, offset, length)),
    close: () => {
      close();
      return Promise.resolve();
    },
  };
}
