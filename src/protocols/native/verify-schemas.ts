/** What a verification answers besides the backup. */
import { z } from '@hono/zod-openapi';
import { BackupObject } from './schemas.ts';

export const IndexFindingObject = z
  .object({ found: z.enum(['damaged', 'missing']), takenFrom: z.string().optional() })
  .openapi({
    description:
      'The index beside the archive, which is whole, was damaged or missing. takenFrom: the store that the right one was taken from; without it the archive is read through from now on',
  });

/** A backup that was found whole. */
export const VerifiedObject = BackupObject.extend({ index: IndexFindingObject.optional() }).openapi('VerifiedBackup');
