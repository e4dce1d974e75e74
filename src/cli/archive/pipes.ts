/** `-` for an archive: stdout when it is made, stdin when it is read. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { OpenRequest } from '../../archive/contract.ts';
import { asFailure, attempt, Failure } from '../../base/failure.ts';
import { fileSource } from '../../base/files/file-source.ts';
import type { ByteSink } from '../../base/source.ts';
import type { Terminal } from '../terminal/terminal.ts';

/** In place of a file's name. */
export const PIPE = '-';
const [STDIN, STDOUT] = [0, 1];

/**
 * The bytes of a new archive go to stdout.
 *
 * @throws Failure `invalid_request` where stdout is a terminal.
 */
export function stdoutSink(terminal: Terminal): ByteSink {
  if (terminal.outputColumns !== undefined) {
    throw new Failure('invalid_request', 'Cannot archive: an archive is nothing for a terminal', {
      hint: 'Send it into a file or a program, such as: roost archive create DIRECTORY - | ssh HOST "cat > x.tar.gz"',
    });
  }
  return {
    async write(bytes) {
      // A copy: the stream may hold it for longer than this call lasts.
      await terminal.result(Uint8Array.from(bytes));
      if (!terminal.outputClosed) return;
      const cause = terminal.outputError;
      const reason = cause === undefined ? 'the reader of stdout has left' : cause.message;
      throw new Failure('cancelled', `Cannot archive: ${reason}`, { cause });
    },
  };
}

/** The file that stdout leads to, which must not become part of the archive that is written into it. */
export function stdoutFile(): readonly string[] {
  return attempt(() => (fs.fstatSync(STDOUT).isFile() ? [fs.readlinkSync(`/proc/self/fd/${STDOUT}`)] : [])) ?? [];
}

/**
 * Reads an archive from stdin. A pipe is kept in a nameless file of the directory for temporary files (TMPDIR) first,
 * since a zip's directory is at its end and choosing paths reads twice; a redirected file is read where it is.
 *
 * @throws Failure `cancelled`; `internal` where the temporary file cannot be made or takes no more.
 */
export async function withStdin<Result>(
  doing: string,
  signal: AbortSignal,
  work: (source: OpenRequest) => Promise<Result>,
): Promise<Result> {
  const redirected = attempt(() =>
    fs.fstatSync(STDIN).isFile() ? fs.openSync(`/proc/self/fd/${STDIN}`, 'r') : undefined,
  );
  const descriptor = redirected ?? namelessFile(doing);
  const archive = fileSource(
    descriptor,
    redirected === undefined ? await spool(descriptor, doing, signal) : sizeOf(descriptor),
  );
  try {
    return await work({ archive });
  } finally {
    await archive.close();
  }
}

/** A file without a name: the kernel removes it when it is closed, however this process ends. */
function namelessFile(doing: string): number {
  try {
    const directory = fs.mkdtempSync(join(tmpdir(), 'roost-stdin-'));
    try {
      return fs.openSync(join(directory, 'archive'), 'wx+', 0o600);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  } catch (error) {
    throw asFailure(error, `${doing} from stdin: no temporary file can be made in ${tmpdir()}`);
  }
}

async function spool(descriptor: number, doing: string, signal: AbortSignal): Promise<number> {
  try {
    const from = fs.createReadStream('', { fd: STDIN, autoClose: false });
    await pipeline(from, fs.createWriteStream('', { fd: descriptor, autoClose: false }), { signal });
    return sizeOf(descriptor);
  } catch (error) {
    fs.closeSync(descriptor);
    if (signal.aborted) throw signal.reason as Error;
    throw asFailure(error, `${doing} from stdin: it cannot be kept in ${tmpdir()}`);
  }
}

function sizeOf(descriptor: number): number {
  return fs.fstatSync(descriptor).size;
}
