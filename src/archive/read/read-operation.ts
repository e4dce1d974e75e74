/** The operation that reads: verifies or unpacks an archive, by its index if it has one, otherwise by reading it through. */
import type { MessagePort } from 'node:worker_threads';
import { systemClock } from '../../base/clock.ts';
import { Pace } from '../../base/rates.ts';
import { type ByteSource, readInto } from '../../base/source.ts';
import { Control } from '../threads/control.ts';
import type { ArchiveProgress } from '../entry.ts';
import { extractIndexed } from './extract-indexed.ts';
import { openWholeIndex } from '../open/open.ts';
import { passedBytes } from '../threads/page-cache.ts';
import { SourcePort } from './source-port.ts';
import { SelectionPort } from './selection-port.ts';
import { requireRecorded } from './integrity.ts';
import type { ReadEvent, ReadReply, ReadThreadData } from './messages.ts';
import type { OperationPlace } from '../threads/serve-operations.ts';
import { verifyIndexed } from './verify-indexed.ts';

const PROGRESS_MS = 100;

export async function readOperation(data: ReadThreadData, { port, threads }: OperationPlace) {
  const control = new Control(data.control);
  const sources = new SourcePort(port);
  const selection = new SelectionPort(port);
  const readPace = new Pace(systemClock, control.readRate, control.checkStop);
  const writePace = new Pace(systemClock, control.writeRate, control.checkStop);
  port.on('message', (reply: ReadReply) => {
    if (reply.type === 'stop') {
      sources.stop();
      selection.stop();
    } else if (!sources.receive(reply)) selection.receive(reply);
  });
  const archive = paced(sources.source('archive', data.archive), readPace);
  const index = data.index && sources.source('index', data.index);
  const reader = await openWholeIndex({ archive, index });
  const progress = reporter(port);
  if (data.verb === 'verify') {
    const { descriptor } = data.archive;
    const passed = data.passing && descriptor !== undefined ? await passedBytes(descriptor) : undefined;
    const step = (at: ArchiveProgress): void => {
      passed?.upTo(at.bytesDone);
      progress.step(at);
    };
    const verified = await (reader === undefined
      ? // This reads the archive twice, so no page is done with before the end.
        (await streamed()).verifyStreamed({ archive, control, threads, onProgress: progress.step }, data.encoding)
      : verifyIndexed({ archive, control, threads, onProgress: step }, reader, data.workers));
    passed?.all();
    requireRecorded(verified, data.expected);
    progress.finish();
    return verified;
  }
  if (data.verb === 'list') return (await streamed()).listStreamed({ archive, control }, data);
  if (reader === undefined && data.expected !== undefined) {
    // Without an index nothing can be proven while unpacking, so read the archive through once before.
    requireRecorded(
      await (
        await streamed()
      ).verifyStreamed({ archive, control, threads, onProgress: () => undefined }, data.encoding),
      data.expected,
    );
  }
  const deps = { archive, control, threads, selection, writePace, onProgress: progress.step };
  const result = await (reader === undefined
    ? (await streamed()).extractStreamed(deps, data)
    : extractIndexed(deps, reader, data));
  progress.finish();
  return result;
}

/** Loaded on demand: most archives have an index. */
async function streamed() {
  const { verifyStreamed } = await import('./verify-streamed.ts');
  const { extractStreamed } = await import('./extract-streamed.ts');
  const { listStreamed } = await import('./list-streamed.ts');
  return { verifyStreamed, extractStreamed, listStreamed };
}

/** The source, read no faster than the current rate. */
function paced(source: ByteSource, readPace: Pace): ByteSource {
  return {
    ...source,
    async read(offset, length, signal) {
      await readPace.take(length);
      return source.read(offset, length, signal);
    },
    async readInto(offset, into) {
      await readPace.take(into.byteLength);
      await readInto(source, offset, into);
    },
  };
}

function reporter(port: MessagePort) {
  let last = systemClock.monotonic();
  let latest: ArchiveProgress | undefined;
  const report = (progress: ArchiveProgress): void => {
    port.postMessage({ type: 'progress', progress } satisfies ReadEvent);
  };
  return {
    step: (progress: ArchiveProgress): void => {
      latest = progress;
      const now = systemClock.monotonic();
      if (now - last < PROGRESS_MS) return;
      last = now;
      report(progress);
    },
    /** Totals are estimates; at the end they are set to what was done. */
    finish(): void {
      if (latest === undefined) return;
      const { bytesTotal, filesDone } = latest;
      report({ bytesDone: bytesTotal, bytesTotal, filesDone, filesTotal: filesDone });
    },
  };
}
