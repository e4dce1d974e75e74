import { Failure } from '../../base/failure.ts';

const HINT = 'This copy cannot be restored. Take another backup, or fetch or upload the archive again.';

/**
 * For an archive that violates its format.
 *
 * @param reason completes "Cannot read the archive: …".
 * @param facts include the offset where it was noticed, in the file or the tar stream.
 */
export function damaged(reason: string, facts: Readonly<Record<string, unknown>>, hint = HINT): Failure {
  return new Failure('archive_damaged', `Cannot read the archive: ${reason}`, { facts, hint });
}

/** For a well-formed archive with something larger than Roost agrees to hold in memory. */
export function tooLarge(reason: string, facts: Readonly<Record<string, unknown>>): Failure {
  return new Failure('too_large', `Cannot read the archive: ${reason}`, { facts });
}
