/**
 * Hands units to task threads as they come and appends the results in order. A bounded number is in progress, each in
 * a slot of shared memory that is free again once its bytes were written out.
 */
import type { Pace } from '../../base/rates.ts';
import type { SameBytes } from '../../base/source.ts';
import type { Assembler } from './assembler.ts';
import type { Slots } from '../threads/control.ts';
import {
  cutUnits,
  type Hole,
  LARGE_FILE,
  type LargeFile,
  type Pack,
  type PackedEntry,
  type Piece,
  type Unit,
} from './cut.ts';
import { fillZeroRun, zeroSegment } from '../gzip/zero-segment.ts';
import type { Segment } from '../index/format.ts';
import type { LargeFiles } from './large-files.ts';
import type { HardLinkFallback } from './hard-link-fallback.ts';
import { encodeEntries } from './packed-entries.ts';
import type { ReuseBase } from './reuse/reuse.ts';
import type { SegmentResult, SegmentTask } from './messages.ts';
import type { Pool } from '../threads/small-work.ts';

export type SegmentPool = Pool<{ slot: number; task: SegmentTask }, SegmentResult>;

export interface WritePipelineDeps {
  readonly pool: SegmentPool;
  readonly slots: Slots;
  readonly assembler: Assembler;
  readonly base: ReuseBase | undefined;
  readonly large: LargeFiles;
  readonly hardLinks: HardLinkFallback;
  readonly readPace: Pace;
  readonly writePace: Pace;
  readonly checkStop: () => void;
  /** Has a slot's bytes written out, saying which of them the base has; `freed` is called when they are. */
  readonly writeSlot: (slot: number, length: number, same: readonly SameBytes[]) => void;
  readonly onAppended: () => void;
  /** A segment of the base is damaged. @param healed its very bytes could be made again. */
  readonly onDamagedBase: (healed: boolean) => void;
}

interface UnderWay {
  readonly unit: Unit;
  readonly slot: number;
  readonly reused: Segment | undefined;
  readonly result: Promise<SegmentResult>;
  settled: boolean;
}

export class WritePipeline {
  readonly #deps: WritePipelineDeps;
  readonly #underWay: UnderWay[] = [];
  readonly #free: number[];
  /** Resumes the waiting call: a slot was freed, a result came, or the operation is to stop. */
  #onChange: (() => void) | undefined;

  constructor(deps: WritePipelineDeps) {
    this.#deps = deps;
    this.#free = Array.from({ length: deps.slots.count }, (_, slot) => slot);
  }

  /** A slot's bytes were written out. */
  freed(slot: number): void {
    this.#free.push(slot);
    this.#onChange?.();
  }

  /** Makes a call that waits for a slot look at the stop flag. */
  wake(): void {
    this.#onChange?.();
  }

  /** Sends a unit on its way; while it waits for a slot, it appends what is done. */
  async add(unit: Unit): Promise<void> {
    for (;;) {
      this.#deps.checkStop();
      if (this.#underWay[0]?.settled === true) await this.#appendFirst();
      else if (this.#free.length > 0) break;
      else await this.#change();
    }
    this.#underWay.push(await this.#start(unit));
  }

  /** Appends all that is under way, and waits until every slot was written out. */
  async finish(): Promise<void> {
    while (this.#underWay.length > 0) await this.#appendFirst();
    while (this.#free.length < this.#deps.slots.count) {
      this.#deps.checkStop();
      await this.#change();
    }
  }

  async #start(unit: Unit): Promise<UnderWay> {
    const slot = await this.#takeSlot();
    if (unit.kind === 'hole') return { unit, slot, reused: undefined, result: this.#fill(unit, slot), settled: true };
    const reused = this.#deps.base?.find(unit);
    await this.#deps.readPace.take(reused?.length ?? unit.length);
    const result = this.#deps.pool.run({ slot, task: await this.#task(unit, reused) });
    const underWay: UnderWay = { unit, slot, reused, result, settled: false };
    const settle = (): void => {
      underWay.settled = true;
      this.#onChange?.();
    };
    result.then(settle, settle);
    return underWay;
  }

  /** Writes a hole's segments into a slot: nothing is read, and no thread has to work on it. */
  #fill({ count, length }: Hole, slot: number): Promise<SegmentResult> {
    const { crcRaw, crcStored } = zeroSegment();
    const storedLength = fillZeroRun(this.#deps.slots.view(slot), count);
    return Promise.resolve({
      rawLength: length,
      storedLength,
      crcRaw,
      crcStored,
      changes: [],
      warnings: [],
      asPlanned: true,
    });
  }

  async #task(unit: Exclude<Unit, Hole>, reused: Segment | undefined): Promise<SegmentTask> {
    const { base } = this.#deps;
    if (reused !== undefined && base !== undefined) {
      return { kind: 'copy', ...base.stretch(reused), crcStored: reused.crcStored };
    }
    const near = await base?.near(unit);
    if (unit.kind === 'pack') return { kind: 'pack', entries: encodeEntries(unit.entries), near };
    const { file, offset, content, length } = unit;
    return { kind: 'piece', descriptor: file.descriptor, offset, content, length, near };
  }

  /** Which stored bytes the base has, for units that were not compared with the right place of it, or not at all. */
  async #compared(unit: Unit, slot: number, result: SegmentResult): Promise<readonly SameBytes[]> {
    if (result.same !== undefined && result.same.length > 0) return result.same;
    const { base, pool } = this.#deps;
    const twin = base?.twin(result);
    const near = unit.kind === 'hole' ? await base?.near(unit) : twin;
    if (near === undefined) return [];
    const { same } = await pool.run({ slot, task: { kind: 'compare', length: result.storedLength, near } });
    if (same !== undefined) return same;
    // What the base has there is damaged. It was these bytes when their checksums, packed and unpacked, are the same.
    if (near !== twin || twin.checks.some(({ crc }) => crc !== result.crcStored)) return [];
    this.#deps.onDamagedBase(true);
    return [{ start: 0, length: result.storedLength, base: twin.offset, heals: true }];
  }

  async #appendFirst(): Promise<void> {
    const first = this.#underWay.shift();
    if (first !== undefined) await this.#append(first);
  }

  async #append({ unit, slot, reused, result: promise }: UnderWay): Promise<void> {
    this.#deps.checkStop();
    const result = await promise;
    const broken = unit.kind === 'pack' && unit.entries.some((entry) => this.#deps.hardLinks.affects(entry));
    if (broken || result.damaged === true) {
      // The slot's bytes are discarded, and the unit is made again from its files.
      this.#free.push(slot);
      if (broken) await this.#addNow(this.#relinked(unit));
      else await this.#appendFresh(unit, reused);
      return;
    }
    if (reused !== undefined) this.#deps.assembler.countReused(result.storedLength);
    await this.#seal(unit, slot, result, reused);
    if (unit.kind === 'pack') await this.#finishPack(unit, result);
    else this.#finishPiece(unit, unit.file, result);
  }

  /** Makes a unit from its files, without reuse. @param damaged what the base should have of it. */
  async #appendFresh(unit: Unit, damaged?: Segment): Promise<void> {
    const slot = await this.#takeSlot();
    if (unit.kind === 'hole') {
      await this.#append({ unit, slot, reused: undefined, result: this.#fill(unit, slot), settled: true });
      return;
    }
    await this.#deps.readPace.take(unit.length);
    const made = this.#deps.pool.run({ slot, task: await this.#task(unit, undefined) });
    const result = damaged === undefined ? made : made.then((fresh) => healing(fresh, damaged));
    if (damaged !== undefined) this.#deps.onDamagedBase((await result).same?.[0]?.heals === true);
    await this.#append({ unit, slot, reused: undefined, result, settled: false });
  }

  async #seal(unit: Unit, slot: number, result: SegmentResult, reused: Segment | undefined): Promise<void> {
    const { rawLength, crcRaw } = reused ?? result;
    const sealed = { rawLength, crcRaw, crcStored: result.crcStored, key: result.asPlanned ? unit.key : '' };
    const stored = this.#deps.slots.view(slot, result.storedLength);
    this.#deps.assembler.append(unit, sealed, stored, result);
    await this.#deps.writePace.take(result.storedLength);
    if (result.storedLength > 0) {
      this.#deps.writeSlot(slot, result.storedLength, await this.#compared(unit, slot, result));
    } else this.freed(slot);
    this.#deps.onAppended();
  }

  async #finishPack(pack: Pack, { warnings, changes, rest }: SegmentResult): Promise<void> {
    const { assembler, hardLinks } = this.#deps;
    for (const { path, code, message } of warnings) assembler.warn(path, code, message);
    for (const { index, entry, replaced } of changes) {
      const planned = pack.entries[index];
      // No link in the tar can point to an entry that is in the index only.
      if (planned === undefined || planned.indexOnly === true) continue;
      if (entry === undefined || replaced === true) hardLinks.markLost(planned.path);
      if (entry?.kind === 'file' && planned.kind === 'hardlink') hardLinks.standIn(planned.target ?? '', planned.path);
    }
    if (rest !== undefined) await this.#addNow(rest === 0 ? outgrown(pack.entries) : pack.entries.slice(rest));
  }

  #finishPiece(piece: Piece | Hole, file: LargeFile, result: SegmentResult): void {
    const { assembler, large } = this.#deps;
    if (result.errno !== undefined) {
      const message = `It cannot be read beyond byte ${result.available ?? 0} (${result.errno}); zeros stand there`;
      assembler.warn(file.entry.path, 'unreadable', message);
    }
    if (piece.last) large.finish(file);
  }

  /** Cuts entries again and appends them at once, before the units in progress. */
  async #addNow(entries: Iterable<PackedEntry>): Promise<void> {
    for (const unit of cutUnits(entries, this.#deps.large.open)) await this.#appendFresh(unit);
  }

  /** A pack's entries, with links to lost files led elsewhere: one by one, as each may lose a file for the next. */
  *#relinked(pack: Pack): Generator<PackedEntry, void, void> {
    for (const entry of pack.entries) {
      const relinked = this.#deps.hardLinks.resolve(entry);
      if (relinked !== undefined) yield relinked;
    }
  }

  async #takeSlot(): Promise<number> {
    for (;;) {
      this.#deps.checkStop();
      const slot = this.#free.pop();
      if (slot !== undefined) return slot;
      await this.#change();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = resolve;
    });
  }
}

/** A segment that came out as the damaged one was: its bytes stand for it in every archive that has it. */
function healing(fresh: SegmentResult, { offset, length, crcStored }: Segment): SegmentResult {
  if (fresh.storedLength !== length || fresh.crcStored !== crcStored) return fresh;
  return { ...fresh, same: [{ start: 0, length, base: offset, heals: true }] };
}

/** The first entry is a file that does not even fit into a pack of its own any more: it is cut as a large one. */
function outgrown(entries: readonly PackedEntry[]): PackedEntry[] {
  return entries.map((entry, index) => (index === 0 ? { ...entry, size: Math.max(entry.size, LARGE_FILE) } : entry));
}
