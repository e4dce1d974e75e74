/** Asks for verifications that no caller asked for: of what is due, and of copies that damage was met in. */
import { Failure } from '../../base/failure.ts';
import { type BackupId, newJobId, type ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import { requireCompleted, requireUnused } from '../runner/admission.ts';
import type { JobRunner, SubmittedJob } from '../runner/runner.ts';

export interface VerifyRequestDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies'>;
  readonly runner: Pick<JobRunner, 'open' | 'submit'>;
}

export interface LoggedRequestDeps extends VerifyRequestDeps {
  readonly log: Log;
}

export interface WhatToVerify {
  readonly server: ServerId;
  readonly backup: BackupId;
  /** The store of a copy; undefined for the backup in its own store. */
  readonly copy?: string | undefined;
}

/**
 * Submits a verification by the rules of any request.
 *
 * @throws Failure `backup_not_found`, `backup_failed`, `server_busy`, `draining`, `insufficient_storage`.
 */
export function requestVerification(
  { server, backup, copy }: WhatToVerify,
  { catalogue, runner }: VerifyRequestDeps,
): SubmittedJob<'verify'> {
  const doing = 'Cannot verify the backup';
  requireCompleted(catalogue.backups.get(backup, server), doing);
  requireUnused(runner, backup, ['verify', 'delete'], doing);
  const request = copy === undefined ? {} : { copy };
  return runner.submit({ id: newJobId(), kind: 'verify', server, backup, request, origin: 'verification' });
}

/** Called with a backup, and the name of the further store whose copy of it cannot be opened or read since it is damaged. */
export type OnDamagedRead = (record: Pick<BackupRecord, 'id' | 'server'>, copy: string) => void;

/**
 * Has a copy verified that a look or a download found damaged, which decides whether it is. One that is marked already is
 * not read again. The returned function never throws.
 *
 * @param deps asked for at each finding.
 */
export function verifyingDamage(deps: () => LoggedRequestDeps): OnDamagedRead {
  return ({ id, server }, copy) => {
    const { catalogue, runner, log } = deps();
    const known = catalogue.copies.find(id, copy);
    if (known?.state !== 'completed') return;
    try {
      requestVerification({ server, backup: id, copy }, { catalogue, runner });
      log.warn('Damage was met in a copy, which is verified now', { backup: id, store: copy });
    } catch (error) {
      const isUnderWay = error instanceof Failure && error.code === 'server_busy';
      log[isUnderWay ? 'debug' : 'warn']('Cannot verify a copy that damage was met in', {
        backup: id,
        store: copy,
        error,
      });
    }
  };
}
