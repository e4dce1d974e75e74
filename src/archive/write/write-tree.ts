/** From a directory to an archive: the work of the writing operation with its task threads. */
import { systemClock } from '../../base/clock.ts';
import { Pace } from '../../base/rates.ts';
import { indexOnlyEntries } from './index-only.ts';
import { Assembler } from './assembler.ts';
import { Control, Slots } from '../threads/control.ts';
import type { WriteResult } from '../contract.ts';
import { cutUnits, type PackedEntry } from './cut.ts';
import type { Warn } from '../entry.ts';
import { compileIgnore, type IgnoreRules } from '../ignore/ignore.ts';
import { zeroSegment } from '../gzip/zero-segment.ts';
import { LargeFiles } from './large-files.ts';
import { HardLinkFallback } from './hard-link-fallback.ts';
import { Recheck } from './recheck.ts';
import { ReuseBase } from './reuse/reuse.ts';
import { TreeCount } from './tree-count.ts';
import { heldEntries } from '../walk/held.ts';
import { Walk } from '../walk/walk.ts';
import type { WalkedEntry } from '../walk/walked-entry.ts';
import { type SegmentPool, WritePipeline } from './pipeline.ts';
import { WriteProgress } from './progress.ts';
import type { WriteEvent, WriteReply, WriteThreadData } from './messages.ts';

const clock = systemClock;

/**
 * Writes the archive that `data` asks for.
 *
 * @param pool its task threads; ended when this settles.
 * @param send posts to the caller's thread.
 * @param listen registers the receiver of the caller's replies.
 */
export async function writeTree(
  data: WriteThreadData,
  pool: SegmentPool,
  send: (event: WriteEvent) => void,
  listen: (take: (reply: WriteReply) => void) => void,
): Promise<WriteResult> {
  const control = new Control(data.control);
  const slots = new Slots(data.slots.count, data.slots.length, data.slots.memory);
  const startedAt = clock.now();
  const base = data.base && (await ReuseBase.open(data.base, data.level, data.shares));
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
  const warn: Warn = (path, code, message) => {
    assembler.warn(path, code, message);
  };
  const damage = { healed: 0, lost: 0 };
  const count = data.count ? countTree(data, control) : undefined;
  const hardLinks = new HardLinkFallback();
  const large = new LargeFiles(data.root, hardLinks, clock, warn, (emptyPieces) => {
    assembler.requireSpaceFor(emptyPieces * zeroSegment().stored.length);
  });
  const progress = new WriteProgress(assembler, { base: base?.totals, count }, clock, (progress) => {
    send({ type: 'progress', progress });
  });
  const pipeline = new WritePipeline({
    pool,
    slots,
    assembler,
    base,
    large,
    hardLinks,
    readPace: new Pace(clock, control.readRate, control.checkStop),
    writePace: new Pace(clock, control.writeRate, control.checkStop),
    checkStop: control.checkStop,
    writeSlot: (slot, length, same) => {
      send({ type: 'slot', slot, length, same });
    },
    onAppended: () => {
      progress.step();
    },
    onDamagedBase: (healed) => {
      damage[healed ? 'healed' : 'lost']++;
    },
  });
  listen(({ slot }) => {
    if (slot === null) pipeline.wake();
    else pipeline.freed(slot);
  });
  try {
    const recheck = new Recheck();
    const entries = packed(data, walkNoted(data, control, recheck, warn));
    for (const unit of cutUnits(entries, large.open)) await pipeline.add(unit);
    await pipeline.finish();
    checkAgain(data, recheck, assembler);
    send({ type: 'readingEnded' });
    const result = assembler.finish();
    progress.finish();
    return damage.healed + damage.lost > 0 ? { ...result, baseDamage: damage } : result;
  } finally {
    count?.stop();
    // End the threads before closing their files, because a descriptor's number may be reused at once.
    await pool.close();
    large.close();
    await base?.close();
  }
}

/** The walk of this backup, which notes what may change again. */
function walkNoted(data: WriteThreadData, control: Control, recheck: Recheck, warn: Warn) {
  const ignore = compileIgnore(data.ignore);
  for (const { path, code, message } of ignore.warnings) warn(path, code, message);
  const walk = new Walk({
    root: data.root,
    ignore,
    exclude: data.exclude,
    warn,
    attributes: true,
    outsideLinks: true,
    checkAbort: control.checkStop,
    onDirectory: (entry, names) => {
      recheck.addDirectory(entry, names, clock.now());
    },
  });
  return noteFiles(heldIn(data, walk.entries(), ignore, warn), recheck);
}

/** The walk as far as the game keeps it still. */
function heldIn({ held }: WriteThreadData, walked: Iterable<WalkedEntry>, ignore: IgnoreRules, warn: Warn) {
  return held === undefined ? walked : heldEntries(walked, held, (path) => ignore.ignores(path, 'file'), warn);
}

/** The walked entries that go into the tar; with `filesOnly`, the others are kept for the index alone. */
function* packed(data: WriteThreadData, walked: Iterable<WalkedEntry>): Generator<PackedEntry, void, void> {
  yield* data.filesOnly ? indexOnlyEntries(walked) : walked;
}

function* noteFiles(entries: Iterable<WalkedEntry>, recheck: Recheck): Generator<WalkedEntry, void, void> {
  for (const entry of entries) {
    recheck.addFile(entry, clock.now());
    yield entry;
  }
}

function checkAgain(data: WriteThreadData, recheck: Recheck, assembler: Assembler): void {
  const ignore = compileIgnore(data.ignore);
  recheck.check(
    data.root,
    (path) => assembler.hasWarned(path),
    (path, kind) => !ignore.ignores(path, kind),
    (path, code, message) => {
      assembler.warn(path, code, message);
    },
  );
}

/** Counts what will be archived, for the totals; begins when it is started. */
function countTree(data: WriteThreadData, control: Control): TreeCount {
  const ignore = compileIgnore(data.ignore);
  const warn = (): void => undefined;
  const walk = new Walk({ ...data, ignore, warn, attributes: true, checkAbort: control.checkStop });
  return new TreeCount(packed(data, heldIn(data, walk.entries(), ignore, warn)));
}
