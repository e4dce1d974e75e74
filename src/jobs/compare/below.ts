/**
 * The names in a directory of a tree. Once all of them are known they are packed: their text in one string and their
 * numbers in one array. Hundreds of thousands of objects that stay took the garbage collector longer than all else took.
 */
import { type EntryKind, ENTRY_KINDS } from '../../archive/entry.ts';

export interface Facts {
  /** `other`: a socket, FIFO or device, which no backup holds. */
  readonly kind: EntryKind | 'other';
  readonly size: number;
  readonly mode: number;
  /** Whole seconds since the epoch. */
  readonly mtime: number;
  /** Of a link. */
  readonly target?: string | undefined;
}

export interface TreeNode extends Facts {
  /** Names below a directory; undefined for all else. */
  readonly below: Below | undefined;
  /** Whether it, or something below it, was asked for. */
  wanted: boolean;
}

/** With fewer names there is little to save. */
const FEWEST = 16;
const NUMBERS = 5;

interface Packed {
  /** Names, each before the target of what it names, with a NUL between all. */
  readonly text: string;
  /** Of each name its kind, size, mode, time, and whether it is wanted. */
  readonly numbers: Float64Array;
}

export class Below {
  #nodes = new Map<string, TreeNode>();
  #packed: Packed | undefined;
  #wasPacked = false;

  get(name: string): TreeNode | undefined {
    return this.#unpacked().get(name);
  }

  set(name: string, node: TreeNode): void {
    this.#unpacked().set(name, node);
  }

  /** What was packed is made for the caller, and not kept. */
  all(): ReadonlyMap<string, TreeNode> {
    return this.#packed === undefined ? this.#nodes : nodesOf(this.#packed);
  }

  /** Packs files and links. Only once: entries may come in an order that goes from directory to directory. */
  pack(): void {
    if (this.#wasPacked || this.#nodes.size < FEWEST) return;
    const text: string[] = [];
    const numbers = new Float64Array(this.#nodes.size * NUMBERS);
    let at = 0;
    for (const [name, { kind, size, mode, mtime, target = '', below, wanted }] of this.#nodes) {
      if (below !== undefined || kind === 'other') return;
      text.push(name, target);
      numbers.set([ENTRY_KINDS.indexOf(kind), size, mode, mtime, wanted ? 1 : 0], at);
      at += NUMBERS;
    }
    this.#wasPacked = true;
    this.#packed = { text: Buffer.from(text.join('\0'), 'latin1').toString('latin1'), numbers };
    this.#nodes = new Map();
  }

  /** For what asks for single names: they stay. */
  #unpacked(): Map<string, TreeNode> {
    if (this.#packed !== undefined) {
      this.#nodes = nodesOf(this.#packed);
      this.#packed = undefined;
    }
    return this.#nodes;
  }
}

function nodesOf({ text, numbers }: Packed): Map<string, TreeNode> {
  const nodes = new Map<string, TreeNode>();
  const texts = text.split('\0');
  for (let at = 0; at * NUMBERS < numbers.length; at++) {
    const from = at * NUMBERS;
    const kind = ENTRY_KINDS[numbers[from] ?? 0] ?? 'file';
    nodes.set(texts[2 * at] ?? '', {
      kind,
      size: numbers[from + 1] ?? 0,
      mode: numbers[from + 2] ?? 0,
      mtime: numbers[from + 3] ?? 0,
      target: kind === 'file' ? undefined : texts[2 * at + 1],
      below: undefined,
      wanted: numbers[from + 4] === 1,
    });
  }
  return nodes;
}
