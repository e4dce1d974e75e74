/** Request bodies as the panels' daemons read them: leniently (an absent field is an empty one) or strictly. */
import { z } from '@hono/zod-openapi';
import { Failure } from '../../../base/failure.ts';
import { type BackupId, isUuid } from '../../../base/ids.ts';
import { printableText } from '../../../base/files/paths.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import { backupIdOf } from './guard.ts';
import { requireWithinLimits } from './ignore-limits.ts';

/** `wings`: the node keeps the archive; `s3`: it goes to the panel's object storage. */
export type Adapter = 'wings' | 's3';

export interface CreateRequest {
  readonly backup: BackupId;
  readonly adapter: Adapter;
  /** gitignore lines; when empty, the server's own ignore file counts. */
  readonly ignore: readonly string[];
}

export interface RestoreRequest {
  readonly truncate: boolean;
  /** No panel sends it; a caller by hand may. */
  readonly force?: boolean;
  /** null when the node has the archive. */
  readonly url: string | null;
}

const optionalText = z.string().nullish();

const LENIENT_CREATE = z.object({ adapter: optionalText, uuid: optionalText, ignore: optionalText }).nullable();
const LENIENT_RESTORE = z.object({
  adapter: z.enum(['wings', 's3']),
  truncate_directory: z.boolean().nullish(),
  force: z.boolean().nullish(),
  download_url: optionalText,
});

const uuid = z.string().refine((text) => isUuid(text.toLowerCase()), 'must be a UUID');
/** All that the strict daemon accepts; this node serves the first two. */
const strictAdapter = z.enum(['wings', 's3', 'ddup-bak', 'btrfs', 'zfs', 'restic', 'proxmox-backup-server', 'kopia']);

const STRICT_CREATE = z.object({ adapter: strictAdapter, uuid, ignore: z.string() });
const STRICT_RESTORE = z.object({
  adapter: strictAdapter,
  truncate_directory: z.boolean(),
  force: z.boolean().nullish(),
  download_url: optionalText,
});

type Given<Fields extends string> = Readonly<Partial<Record<Fields, string | null>>> | null;
type GivenRestore = Given<'adapter' | 'download_url'> & {
  readonly truncate_directory?: boolean | null;
  readonly force?: boolean | null;
};

/**
 * @throws Failure `invalid_request` when applied, for faults that the daemon reports apart from a body of another
 *   shape.
 */
export function createSchema({ routes }: FlavourFacts) {
  const shape: z.ZodType<Given<'adapter' | 'uuid' | 'ignore'>> = routes.strictBodies ? STRICT_CREATE : LENIENT_CREATE;
  return shape.transform((given): CreateRequest => {
    const { adapter, uuid: id, ignore } = given ?? {};
    if (routes.limitsIgnored) requireWithinLimits(ignore ?? '');
    return { backup: backupIdOf(id), adapter: adapterOf(adapter), ignore: linesOf(ignore ?? '') };
  });
}

export function restoreSchema({ routes }: FlavourFacts) {
  const shape: z.ZodType<GivenRestore> = routes.strictBodies ? STRICT_RESTORE : LENIENT_RESTORE;
  return shape.transform((given): RestoreRequest => {
    const truncate = given.truncate_directory ?? false;
    const force = given.force ?? undefined;
    // Pelican sends a link to this node along with `wings`; the archive is here.
    if (adapterOf(given.adapter) === 'wings') return { truncate, force, url: null };
    const url = given.download_url ?? '';
    if (url === '') throw new Failure('invalid_request', routes.missingUrl);
    return { truncate, force, url };
  });
}

/** @throws Failure `invalid_request`, in a sentence for the panel's users. */
function adapterOf(adapter: string | null | undefined): Adapter {
  if (adapter === 'wings' || adapter === 's3') return adapter;
  const shown = printableText((adapter ?? '').slice(0, 64));
  throw new Failure('invalid_request', `The backup adapter "${shown}" is not served by this node: use wings or s3.`);
}

function linesOf(ignore: string): string[] {
  return ignore === '' ? [] : ignore.split('\n');
}
