/** Writes the bytes of one store as an object of another, once they are known to be the right ones. */
import { createHash } from 'node:crypto';
import { throwIfAborted } from '../../base/failure.ts';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { ByteSource } from '../../base/source.ts';
import type { ObjectKey } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';
import type { SpaceGuard } from './space-guard.ts';

const PIECE = MEBIBYTE;

export interface CopiedObject {
  readonly key: ObjectKey;
  /** What a Failure of the copy begins with. */
  readonly doing: string;
  /** Throws unless bytes with that sha256 (lower-case hex) may stand there. */
  readonly check: (sha256: string) => void;
  /** Makes a guard of the target store's free space, which has not measured yet. */
  readonly room?: () => SpaceGuard;
}

/**
 * Closes the source. What stands there stays until the last byte is known.
 *
 * @throws Failure what `check` throws, those of both stores, `cancelled`; with `room` also `insufficient_storage`.
 */
export async function copyObject(
  source: ByteSource,
  to: Store,
  { key, doing, check, room }: CopiedObject,
  signal: AbortSignal,
): Promise<void> {
  try {
    // Before the first byte: what cannot fit would be written again with each try.
    if (to.sharesBytes !== true) await room?.().admit(source.size);
    const writer = await to.create(key, { expectedSize: source.size, signal });
    try {
      const hash = createHash('sha256');
      const guarded = room?.().guard(writer) ?? writer;
      for (let at = 0; at < source.size; at += PIECE) {
        throwIfAborted(signal, doing);
        const piece = await source.read(at, Math.min(PIECE, source.size - at), signal);
        hash.update(piece);
        await guarded.write(piece);
      }
      check(hash.digest('hex'));
      await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  } finally {
    await source.close();
  }
}
