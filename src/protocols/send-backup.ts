import { Failure } from '../base/failure.ts';
import type { BackupId, ServerId } from '../base/ids.ts';
import { type ByteSource, readInto } from '../base/source.ts';
import type { FileContent } from '../jobs/contract.ts';
import type { AppContext, DialectDeps } from './dialect.ts';

export interface SentBackup {
  readonly server: ServerId;
  readonly id: BackupId;
  /** The signed link that the archive is asked for with; absent for callers with a credential of their own. */
  readonly link?: string;
  readonly contentType?: string;
  /** Under which it is saved; by default `<id>.tar.gz`. */
  readonly fileName?: string;
}

/**
 * Answers with the archive of a backup.
 *
 * @throws Failure `server_busy` for too many open downloads (`isTooMany`); what `BackupService.download` throws.
 */
export async function sendBackup(
  c: AppContext,
  ports: Pick<DialectDeps, 'service' | 'sendArchive' | 'admitDownload'>,
  { server, id, link, contentType = 'application/gzip', fileName }: SentBackup,
): Promise<Response> {
  const leave = admitted(c, ports, { link, holder: c.get('caller')?.id ?? server });
  try {
    const { backup, source } = await ports.service.download(server, id);
    return await ports.sendArchive(c, {
      source: c.env?.outgoing === undefined ? leftWhenClosed(source, leave) : source,
      fileName: fileName ?? `${backup.id}.tar.gz`,
      contentType,
      tag: backup.sha256 ?? undefined,
    });
  } catch (error) {
    leave();
    throw error;
  }
}

/**
 * Answers with what `open` gives of a backup, counted as a download.
 *
 * @param open gets a signal that fires when the caller hangs up.
 * @throws Failure `server_busy` for too many open downloads (`isTooMany`); what `open` throws.
 */
export async function sendContentOf(
  c: AppContext,
  ports: Pick<DialectDeps, 'sendContent' | 'admitDownload'>,
  place: Parameters<DialectDeps['admitDownload']>[1],
  open: (signal: AbortSignal) => Promise<FileContent>,
): Promise<Response> {
  const stop = new AbortController();
  const leave = admitted(c, ports, place);
  try {
    return await ports.sendContent(c, await open(AbortSignal.any([stop.signal, c.req.raw.signal])), stop);
  } catch (error) {
    leave();
    throw error;
  } finally {
    // Without a connection there is no end of the answer to wait for.
    if (c.env?.outgoing === undefined) leave();
  }
}

/** A place for a download, until the answer was taken. Throws Failure `server_busy` when there is none. */
function admitted(
  c: AppContext,
  ports: Pick<DialectDeps, 'admitDownload'>,
  place: Parameters<DialectDeps['admitDownload']>[1],
): () => void {
  const leave = ports.admitDownload(c, place);
  if (leave !== undefined) return leave;
  throw new Failure('server_busy', 'Cannot send the backup: too many downloads are open', {
    facts: { tooMany: true },
    hint: 'Try again when one of them has ended; at most 16 connections may share one link.',
    retry: true,
  });
}

function leftWhenClosed(source: ByteSource, leave: () => void): ByteSource {
  return {
    size: source.size,
    read: (offset, length, signal) => source.read(offset, length, signal),
    readInto: (offset, into, signal) => readInto(source, offset, into, signal),
    async close() {
      leave();
      await source.close();
    },
  };
}
