/** Bytes on their way to a caller: damage met in them is reported as well, not only the error given to the caller. */
import { Failure } from '../../base/failure.ts';
import { type ByteSource, readInto } from '../../base/source.ts';
import type { FileContent } from '../contract.ts';

/** @param onDamage called with each read that fails as `archive_damaged`. */
export function noticedSource(source: ByteSource, onDamage: () => void): ByteSource {
  return {
    ...source,
    read: (offset, length, signal) => noticed(() => source.read(offset, length, signal), onDamage),
    readInto: (offset, into, signal) => noticed(() => readInto(source, offset, into, signal), onDamage),
    close: () => source.close(),
  };
}

/** As `noticedSource`, of a file's content. */
export function noticedContent(content: FileContent, onDamage: () => void): FileContent {
  const { stream } = content;
  return {
    ...content,
    stream: {
      async *[Symbol.asyncIterator]() {
        try {
          yield* stream;
        } catch (error) {
          throw notice(error, onDamage);
        }
      },
    },
  };
}

async function noticed<Result>(read: () => Promise<Result>, onDamage: () => void): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    throw notice(error, onDamage);
  }
}

function notice(error: unknown, onDamage: () => void): unknown {
  if (error instanceof Failure && error.code === 'archive_damaged') onDamage();
  return error;
}
