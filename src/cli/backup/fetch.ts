/** `roost backup get` and `roost backup download`: one file of a backup, or its archive. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import * as z from 'zod';
import { asFailure, Failure, throwIfAborted } from '../../base/failure.ts';
import { wirePath } from '../../base/files/paths.ts';
import { formatBytes } from '../../base/sizes.ts';
import { ask, BackupObject } from '../client/objects.ts';
import { askForBytes } from '../client/stream.ts';
import { backupCommand, type DaemonOptions, findBackup, findServer, type Target } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { bytesOfArgument, openablePath } from '../exact-arguments.ts';
import { extract, type ExtractOptions } from '../archive/extract.ts';
import { PartialFile } from '../partial-file.ts';

interface FetchOptions extends DaemonOptions {
  readonly output?: string;
}

const Token = z.looseObject({ token: z.string() });
/** Connections that end early, one after another without a byte, before it gives up. */
const MOST_EMPTY_TRIES = 3;

export function addBackupFetch(group: Command, invocation: Invocation): void {
  backupCommand(group, 'get', 'Write one file of a backup to stdout, or to a file')
    .argument('<path>', 'the file inside the backup')
    .option('-o, --output <file>', 'write it there')
    .action((server: string, backup: string, path: string, options: FetchOptions) =>
      conclude(invocation, options, getFile(invocation, { server, backup, path }, options)),
    );
  backupCommand(group, 'download', 'Download the archive of a backup; run again, it goes on where it stopped')
    .option('-o, --output <file>', 'write it there (default: the server and the time of the backup)')
    .action((server: string, backup: string, options: FetchOptions) =>
      conclude(invocation, options, download(invocation, { server, backup }, options)),
    );
}

/** Downloads the archive of a backup beside a directory and unpacks it there; the server stays as it is. */
export async function restoreElsewhere(
  invocation: Invocation,
  target: Target,
  named: { readonly server: string; readonly backup: string },
  directory: string,
  { path, glob }: Pick<ExtractOptions, 'path' | 'glob'>,
): Promise<Outcome> {
  const into = resolve(openablePath(directory, 'directory'));
  const backup = await findBackup(target, named.backup, invocation.signal);
  const archive = `${into}.${backup}.tar.gz`;
  // What an interrupted call left is gone on with; the archive itself is removed in any case.
  await downloadTo(invocation, target, { server: named.server, backup }, archive);
  try {
    const options = { path, glob, maxSize: 0, setuid: 'strip', workers: 'auto' } as const;
    return await extract(invocation, archive, directory, options);
  } finally {
    await rm(archive, { force: true });
  }
}

async function getFile(
  invocation: Invocation,
  named: { readonly server: string; readonly backup: string; readonly path: string },
  { output, ...options }: FetchOptions,
): Promise<Outcome> {
  const { signal, terminal } = invocation;
  const target = await findServer(invocation, options, named.server);
  const id = await findBackup(target, named.backup, signal);
  const path = wirePath(bytesOfArgument(named.path));
  const query = new URLSearchParams({ path }).toString();
  const { body } = await askForBytes(target.client, `${target.backups}/${id}/files/content?${query}`, {}, signal);
  if (output === undefined) {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      await terminal.result(chunk);
      if (terminal.outputClosed) break;
    }
    return {};
  }
  const file = await PartialFile.create(output);
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      await file.write(chunk);
      bytes += chunk.length;
    }
    await file.seal();
    await file.publish();
  } catch (error) {
    await file.discard();
    throw asFailure(error, `Cannot fetch ${path}`);
  }
  return { json: { output, bytes }, text: `${output}: ${formatBytes(bytes)}` };
}

async function download(
  invocation: Invocation,
  named: { readonly server: string; readonly backup: string },
  { output, ...options }: FetchOptions,
): Promise<Outcome> {
  const target = await findServer(invocation, options, named.server);
  return downloadTo(invocation, target, named, output);
}

/**
 * Downloads an archive, checks it, and goes on with what an earlier call left.
 *
 * @param output the file; without it one that is named by server and time.
 */
async function downloadTo(
  { signal }: Invocation,
  target: Target,
  named: { readonly server: string; readonly backup: string },
  output?: string,
) {
  const id = await findBackup(target, named.backup, signal);
  const backup = await ask(target.client, { method: 'GET', path: `${target.backups}/${id}`, signal }, BackupObject);
  const { checksum, size } = backup;
  if (typeof checksum !== 'string')
    throw new Failure('backup_not_ready', 'Cannot download the backup: it has no archive');
  const to = output ?? `${named.server}-${backup.createdAt.replace(/[:T]/g, '-').slice(0, 16)}.tar.gz`;
  // The checksum is in its name: what another archive left is never gone on with.
  const partial = `${to}.${checksum.slice(0, 16)}.partial`;
  const resumed = await sizeOf(partial);
  await receive(target, { id, checksum, size }, partial, signal);
  if ((await sha256Of(partial)) !== checksum) {
    await rm(partial);
    throw new Failure('archive_damaged', `Cannot download ${to}: what arrived is not what the backup holds`, {
      hint: 'Try again; "roost backup verify" tells whether the archive itself is damaged.',
    });
  }
  await rename(partial, to);
  const note = resumed > 0 ? `, ${formatBytes(resumed)} of it from an earlier run` : '';
  return {
    json: { output: to, bytes: size, resumed, sha256: checksum },
    text: `${to}: ${formatBytes(size)}${note}\nsha256 ${checksum}`,
  };
}

interface Wanted {
  readonly id: string;
  readonly checksum: string;
  readonly size: number;
}

/** Appends to the partial file until it is whole; a connection that breaks is made again while bytes arrive. */
async function receive(target: Target, wanted: Wanted, partial: string, signal: AbortSignal): Promise<void> {
  for (let empty = 0; ;) {
    const before = await sizeOf(partial);
    if (before >= wanted.size) return;
    try {
      await receiveOnce(target, wanted, partial, before, signal);
    } catch (error) {
      throwIfAborted(signal, 'Cannot download the backup');
      if (error instanceof Failure) throw error;
      empty = (await sizeOf(partial)) > before ? 0 : empty + 1;
      if (empty >= MOST_EMPTY_TRIES) throw asFailure(error, 'Cannot download the backup');
    }
  }
}

async function receiveOnce(
  { client, backups }: Target,
  { id, checksum }: Wanted,
  partial: string,
  from: number,
  signal: AbortSignal,
): Promise<void> {
  const request = { method: 'POST', path: `${backups}/download-token`, body: { id }, signal } as const;
  const { token } = await ask(client, request, Token);
  const part: Record<string, string> = from === 0 ? {} : { range: `bytes=${from}-`, 'if-range': `"${checksum}"` };
  const path = `${backups}/download?token=${encodeURIComponent(token)}`;
  const { body, status } = await askForBytes(client, path, part, signal);
  const file = await open(partial, status === 206 ? 'a' : 'w', 0o600);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) await file.appendFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
