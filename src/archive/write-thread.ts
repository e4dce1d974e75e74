/**
 * The write thread: walks, cuts, hands units to the segment threads, and appends what comes back in order. The
 * caller's thread only writes bytes out, so HTTP goes on answering during a backup.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../base/clock.ts';
import { asFailure } from '../base/failure.ts';
import { Pace } from '../base/rates.ts';
import { besideFiles } from './aside.ts';
import { Assembler } from './assembler.ts';
import { Control, Slots } from './control.ts';
import type { WriteResult } from './contract.ts';
import { cutUnits } from './cut.ts';
import type { PackedEntry } from './cut.ts';
import type { WarningCode } from './entry.ts';
import { compileIgnore } from './ignore.ts';
import { LargeFiles } from './large-files.ts';
import { LinkHeirs } from './link-heirs.ts';
import { Restless } from './restless.ts';
import { ReuseBase } from './reuse.ts';
import type { SegmentThreadData } from './segment-thread.ts';
import { threadFile } from './thread-file.ts';
import { lowerPriority } from './thread-priority.ts';
import { ThreadPool } from './thread-pool.ts';
import { TreeCount } from './tree-count.ts';
import { Walk } from './walk.ts';
import type { WalkedEntry } from './walk.ts';
import { WriteLine } from './write-line.ts';
import type { SegmentPool } from './write-line.ts';
import { WriteProgress } from './write-progress.ts';
import type { WriteEvent, WriteReply, WriteThreadData } from './write-tasks.ts';

const port = parentPort;
if (port === null) throw new Error('the write thread is started by writeArchive only');
const data = workerData as WriteThreadData;
lowerPriority(data.nice);
const control = new Control(data.control);
const slots = new Slots(data.slots.count, data.slots.length, data.slots.memory);
const clock = systemClock;
const send = (event: WriteEvent): void => {
  port.postMessage(event);
};

try {
  send({ type: 'done', result: await write() });
} catch (error) {
  send({ type: 'failed', failure: asFailure(error, 'Cannot make the archive').toJSON() });
} finally {
  port.close();
}

async function write(): Promise<WriteResult> {
  // Before all else: they load their code while the tree is counted.
  const pool = startThreads();
  try {
    return await writeWith(pool);
  } finally {
    await pool.close();
  }
}

async function writeWith(pool: SegmentPool): Promise<WriteResult> {
  const startedAt = clock.now();
  const base = data.base && (await ReuseBase.open(data.base.archive, data.base.index, data.level));
  const assembler = new Assembler({
    level: data.level,
    engine: data.engine,
    maxSize: data.maxSize,
    startedAt,
    emit: (bytes) => {
      send({ type: 'bytes', bytes });
    },
    emitIndex: (bytes) => {
      send({ type: 'index', bytes });
    },
  });
  const warn = (path: string, code: WarningCode, message: string): void => {
    assembler.warn(path, code, message);
  };
  const count = data.count && base === undefined ? countTree() : undefined;
  const heirs = new LinkHeirs();
  const large = new LargeFiles(data.root, heirs, clock, warn);
  const progress = new WriteProgress(assembler, count ?? base?.totals ?? { bytes: 0, files: 0 }, clock, (progress) => {
    send({ type: 'progress', progress });
  });
  const line = new WriteLine({
    pool,
    slots,
    assembler,
    base,
    large,
    heirs,
    readPace: new Pace(clock, control.readRate, control.checkStop),
    writePace: new Pace(clock, control.writeRate, control.checkStop),
    checkStop: control.checkStop,
    writeSlot: (slot, length) => {
      send({ type: 'slot', slot, length });
    },
    onAppended: () => {
      progress.step();
    },
  });
  port?.on('message', ({ slot }: WriteReply) => {
    if (slot === null) line.wake();
    else line.freed(slot);
  });
  count?.start();
  try {
    const restless = new Restless();
    for (const unit of cutUnits(chosen(watched(restless, warn)), large.open)) await line.add(unit);
    await line.finish();
    checkRestless(restless, assembler);
    send({ type: 'readingEnded' });
    const result = assembler.finish();
    progress.finish();
    return result;
  } finally {
    count?.stop();
    // The threads end before the files they read from are closed: a number may be another file's by then.
    await pool.close();
    large.close();
    await base?.close();
  }
}

function startThreads(): SegmentPool {
  const { root, level, engine } = data;
  const workerData: SegmentThreadData = { root, level, engine, control: data.control, slots: data.slots };
  return new ThreadPool(threadFile('segment-thread'), data.workers, workerData);
}

/** The walk of this backup, taking note of what may change again. */
function watched(restless: Restless, warn: (path: string, code: WarningCode, message: string) => void) {
  const ignore = compileIgnore(data.ignore);
  for (const { path, code, message } of ignore.warnings) warn(path, code, message);
  const walk = new Walk({
    root: data.root,
    ignore,
    exclude: data.exclude,
    warn,
    checkAbort: control.checkStop,
    onDirectory: (entry, names) => {
      restless.addDirectory(entry, names, clock.now());
    },
  });
  return noting(walk.entries(), restless);
}

/** The walk as it goes into the tar. */
function chosen(walked: Generator<WalkedEntry, void, void>): Generator<PackedEntry, void, void> {
  return data.filesOnly ? besideFiles(walked) : walked;
}

function* noting(entries: Iterable<WalkedEntry>, restless: Restless): Generator<WalkedEntry, void, void> {
  for (const entry of entries) {
    restless.addFile(entry, clock.now());
    yield entry;
  }
}

function checkRestless(restless: Restless, assembler: Assembler): void {
  const ignore = compileIgnore(data.ignore);
  restless.check(
    data.root,
    (path) => assembler.hasWarned(path),
    (path, kind) => !ignore.ignores(path, kind),
    (path, code, message) => {
      assembler.warn(path, code, message);
    },
  );
}

/** What the walk will archive, counted beside it. An older archive of the same tree tells as much without a walk. */
function countTree(): TreeCount {
  const ignore = compileIgnore(data.ignore);
  const walk = new Walk({ ...data, ignore, warn: () => undefined, checkAbort: control.checkStop });
  return new TreeCount(chosen(walk.entries()));
}
