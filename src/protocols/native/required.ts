/** What requests are refused with that lack a required part: sentences that panels know, and where the part belongs. */

export const BACKUP_ID_REQUIRED = 'Backup ID required';
export const FILE_PATH_REQUIRED = 'File path required';
export const LOCKED_REQUIRED = 'locked field must be a boolean';

/** Messages without the field's name in front; panels compare the first. */
export const WHOLE_SENTENCES: ReadonlySet<string> = new Set([BACKUP_ID_REQUIRED, FILE_PATH_REQUIRED, LOCKED_REQUIRED]);

type Hints = Readonly<Record<string, string>>;

/** Where each of them belongs: some routes take the id in the address, others in the body. */
export const QUERY_HINTS: Hints = {
  [BACKUP_ID_REQUIRED]: 'Add ?id= with the id of a backup to the address.',
  [FILE_PATH_REQUIRED]: 'Add ?path= with the path of a file, as a listing shows it, to the address.',
};
export const BODY_HINTS: Hints = {
  [BACKUP_ID_REQUIRED]: 'Send {"id": "…"} with the id of a backup, as JSON.',
  [LOCKED_REQUIRED]: 'Send {"locked": true} or {"locked": false}, as JSON.',
};
