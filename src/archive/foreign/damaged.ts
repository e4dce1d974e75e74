import { Failure } from '../../base/failure.ts';

const HINT = 'This copy cannot be restored. Take another backup, or fetch or upload the archive again.';

/**
 * The Failure of an archive that does not hold what its format promises.
 *
 * @param reason completes "Cannot read the archive: …".
 * @param facts always with the offset at which it was noticed, in the file or in the tar stream.
 */
export function damaged(reason: string, facts: Readonly<Record<string, unknown>>, hint = HINT): Failure {
  return new Failure('archive_damaged', `Cannot read the archive: ${reason}`, { facts, hint });
}

/** The Failure of an archive that is well-formed, and larger than anything that Roost agrees to hold in memory. */
export function tooLarge(reason: string, facts: Readonly<Record<string, unknown>>): Failure {
  return new Failure('too_large', `Cannot read the archive: ${reason}`, { facts });
}
