/** The documentation's messages for refusals; the service's own where it has none. */
import { Failure, type FailureCode } from '../../base/failure.ts';

type Sentences = Partial<Record<FailureCode, string | ((failure: Failure) => string)>>;

export const REFUSALS = {
  create: {
    too_many_backups: 'This server has reached its backup limit.',
    insufficient_storage: 'Not enough storage space available for backup.',
    server_suspended: 'Cannot create backup while server is suspended.',
    server_busy: (failure) =>
      failure.facts['kind'] === 'restore'
        ? 'Cannot create backup while server is being restored.'
        : 'Cannot create backup while another backup is in progress.',
  },
  download: {
    backup_not_ready: 'This backup has not completed yet and cannot be downloaded.',
    backup_failed: 'This backup failed and cannot be downloaded.',
  },
  delete: {
    backup_locked: 'This backup is locked and cannot be deleted.',
    server_suspended: 'Cannot delete backup while server is suspended.',
    server_busy: (failure) =>
      failure.facts['kind'] === 'restore'
        ? 'Cannot delete backup while it is being restored.'
        : failure.facts['kind'] === 'verify'
          ? 'Cannot delete backup while it is being verified.'
          : 'Cannot delete backup while it is being created.',
  },
  restore: {
    backup_not_ready: 'This backup has not completed yet and cannot be restored.',
    backup_failed: 'This backup failed and cannot be restored.',
    server_suspended: 'Cannot restore backup while server is suspended.',
    server_busy: (failure) =>
      failure.facts['kind'] === 'backup'
        ? 'Cannot restore backup while another backup is in progress.'
        : 'Cannot restore backup while server is being restored.',
  },
  lock: {
    backup_not_ready: 'This backup has not completed yet and cannot be locked or unlocked.',
    backup_failed: 'This backup failed and cannot be locked.',
  },
} as const satisfies Record<string, Sentences>;

/**
 * Calls the service, and replaces the message of a refusal.
 *
 * @throws Failure with the service's own code; its own Failure is the cause.
 */
export async function withMessages<Result>(sentences: Sentences, ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (thrown) {
    const sentence = thrown instanceof Failure ? sentences[thrown.code] : undefined;
    if (!(thrown instanceof Failure) || sentence === undefined) throw thrown;
    const message = typeof sentence === 'string' ? sentence : sentence(thrown);
    throw new Failure(thrown.code, message, { facts: thrown.facts, cause: thrown, retry: thrown.retry });
  }
}
