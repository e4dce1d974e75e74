/**
 * External ids are parsed here into branded types. Text that is not a canonical lower-case UUID never reaches a path or
 * a query.
 */
import { randomUUID } from 'node:crypto';
import { Failure } from './failure.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type ServerId = Branded<'ServerId'>;
export type BackupId = Branded<'BackupId'>;
export type JobId = Branded<'JobId'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True for a UUID in its canonical form: lower case, with hyphens. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** @throws Failure `server_not_found`: a malformed id is answered as an unknown one. */
export function parseServerId(text: string): ServerId {
  if (!isUuid(text)) throw new Failure('server_not_found', 'There is no such server');
  return text as ServerId;
}

/** @throws Failure `backup_not_found`: a malformed id is answered as an unknown one. */
export function parseBackupId(text: string): BackupId {
  if (!isUuid(text)) throw new Failure('backup_not_found', 'There is no such backup');
  return text as BackupId;
}

/** @throws Failure `job_not_found`: a malformed id is answered as an unknown one. */
export function parseJobId(text: string): JobId {
  if (!isUuid(text)) throw new Failure('job_not_found', 'There is no such job');
  return text as JobId;
}

export function newBackupId(): BackupId {
  return randomUUID() as BackupId;
}

export function newJobId(): JobId {
  return randomUUID() as JobId;
}
