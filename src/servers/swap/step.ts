/**
 * The steps of a swap and their file: one JSON array a line, so that a million steps stream. The file lies in the
 * stage, flushed; the restore's durable row holds its digest, which ties the two together.
 *
 * Each step concerns one path and can be repeated at any time: which of the three trees (live, incoming, outgoing) have
 * something at that path shows what is left to do. No step lies below another exchange, so order matters only in that a
 * directory's step follows all steps in it.
 */
import fs from 'node:fs';
import { createHash } from 'node:crypto';
import { errnoOf, Failure } from '../../base/failure.ts';
import {
  createFile,
  type DirectoryMetadata,
  hasChangedMeanwhile,
  syncHandle,
  writeAll,
} from '../../base/files/handle-writes.ts';
import { openForReading } from '../../base/files/handles.ts';

/** Moves out what is at `path` in the live tree, and moves in what the incoming tree has there; or only one of them. */
export interface ExchangeStep {
  readonly kind: 'exchange';
  /** A byte string; its parents are directories in the live tree. */
  readonly path: string;
  readonly out: boolean;
  readonly in: boolean;
  /** The mode of a directory that only root could move: changed for the rename, then restored. */
  readonly outMode?: number;
  readonly inMode?: number;
}

/** Everything in a directory that both trees have is done: set its metadata and flush it. */
export interface DirectoryStep {
  readonly kind: 'directory';
  /** '' is the root, which keeps its metadata. */
  readonly path: string;
  readonly before: DirectoryMetadata | null;
  readonly after: DirectoryMetadata | null;
  /**
   * The direction in which it is removed once it is empty, because it could not move whole; in the other one it is made
   * again. A run that is repeated finds it gone, or makes it once more.
   */
  readonly removed?: 'forward' | 'back';
}

export type SwapStep = ExchangeStep | DirectoryStep;

/** Open directories. The last three lie in the stage. */
export interface SwapTrees {
  readonly live: number;
  readonly incoming: number;
  readonly outgoing: number;
  readonly extra: number;
}

/** The durable record of the file. */
export interface PlanFile {
  /** Its name in the stage. */
  readonly name: string;
  /** Lower-case hex of the whole file. */
  readonly sha256: string;
  readonly steps: number;
}

const FLUSH_LENGTH = 64 * 1024;
const READ_LENGTH = 256 * 1024;

export class PlanWriter {
  readonly #name: string;
  readonly #file: number;
  readonly #hash = createHash('sha256');
  #text = '';
  #steps = 0;

  /** @param stage an open directory in which the name is free. */
  constructor(stage: number, name: string) {
    this.#name = name;
    this.#file = createFile(stage, name, 0o600);
  }

  add(step: SwapStep): void {
    this.#text += `${JSON.stringify(encode(step))}\n`;
    this.#steps++;
    if (this.#text.length >= FLUSH_LENGTH) this.#flush();
  }

  /** Makes the file durable and closes it. */
  async finish(): Promise<PlanFile> {
    try {
      this.#flush();
      await syncHandle(this.#file);
    } finally {
      fs.closeSync(this.#file);
    }
    return { name: this.#name, sha256: this.#hash.digest('hex'), steps: this.#steps };
  }

  /** Closes an unfinished file; the stage is about to be removed. */
  abandon(): void {
    fs.closeSync(this.#file);
  }

  #flush(): void {
    // Latin1: each character of a byte string is one byte.
    const bytes = Buffer.from(this.#text, 'latin1');
    this.#text = '';
    this.#hash.update(bytes);
    writeAll(this.#file, bytes);
  }
}

/**
 * Reads the steps of a plan in order.
 *
 * @throws Failure `internal` when the file is not the recorded one, before any step is yielded.
 */
export function* readPlan(stage: number, plan: PlanFile): Generator<SwapStep, void, void> {
  const file = openForReading(stage, plan.name);
  try {
    requireDigest(file, plan);
    let rest = '';
    for (const text of chunksOf(file)) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield decode(JSON.parse(line));
    }
  } finally {
    fs.closeSync(file);
  }
}

/** True when the stage contains exactly this plan. @throws the system error when that cannot be found out. */
export function holdsPlan(stage: number, plan: PlanFile): boolean {
  let file: number;
  try {
    file = openForReading(stage, plan.name);
  } catch (error) {
    // ENXIO: a socket. Any other reason says nothing of the stage, and "no" would make its restore forgotten.
    if (hasChangedMeanwhile(error) || errnoOf(error) === 'ENXIO') return false;
    throw error;
  }
  try {
    return digestOf(file) === plan.sha256;
  } finally {
    fs.closeSync(file);
  }
}

function requireDigest(file: number, plan: PlanFile): void {
  if (digestOf(file) === plan.sha256) return;
  throw new Failure('internal', 'Cannot go on with the swap: its plan in the stage is not the one that was stored', {
    hint: 'Look at the stage directory (.roost-stage-…); "old" in it has what was set aside, "new" what was to come.',
  });
}

function digestOf(file: number): string {
  const hash = createHash('sha256');
  for (const text of chunksOf(file)) hash.update(text, 'latin1');
  return hash.digest('hex');
}

function* chunksOf(file: number): Generator<string, void, void> {
  const buffer = Buffer.allocUnsafe(READ_LENGTH);
  for (let at = 0; ;) {
    const length = fs.readSync(file, buffer, 0, buffer.length, at);
    if (length === 0) return;
    at += length;
    yield buffer.toString('latin1', 0, length);
  }
}

function encode(step: SwapStep): readonly unknown[] {
  if (step.kind === 'directory') return ['d', step.path, step.before, step.after, step.removed ?? null];
  return ['x', step.path, step.out, step.in, step.outMode ?? null, step.inMode ?? null];
}

/** No shape check: the digest proves that `encode` wrote the line. */
function decode(line: unknown): SwapStep {
  const [kind, path, first, second, outMode, inMode] = line as [
    string,
    string,
    never,
    never,
    number | null,
    number | null,
  ];
  if (kind === 'd') {
    const removed = outMode ?? undefined;
    return {
      kind: 'directory',
      path,
      before: first,
      after: second,
      ...(removed === undefined ? {} : { removed: removed as never }),
    };
  }
  return { kind: 'exchange', path, out: first, in: second, outMode: outMode ?? undefined, inMode: inMode ?? undefined };
}
