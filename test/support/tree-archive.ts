/**
 * Stands in for the archive room where a restore is the thing under test: an "archive" is a tree as JSON. Quick enough
 * for hundreds of restores; what real archives do to a restore has its own tests.
 */
import { createHash } from 'node:crypto';
import type {
  ExtractRequest,
  ExtractResult,
  OpenRequest,
  VerifyRequest,
  VerifyResult,
} from '../../src/archive/contract.ts';
import type { Entry } from '../../src/archive/entry.ts';
import { Failure, throwIfAborted } from '../../src/base/failure.ts';
import type { ByteSource } from '../../src/base/source.ts';
import type { FetchedArchive, RestoreDeps } from '../../src/jobs/restore/deps.ts';
import { finishDirectories, makeNodes, type Tree, type TreeNode } from './tree.ts';

type Door = RestoreDeps['archive'];

export class TreeArchives implements Door {
  /** Awaited in the middle of an unpacking, when half of the entries are there. */
  halfWay: (request: ExtractRequest) => Promise<void> | void = () => undefined;

  async verifyArchive(request: VerifyRequest): Promise<VerifyResult> {
    throwIfAborted(request.signal, 'Cannot verify the archive');
    const bytes = await bytesOf(request.source);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (request.expected !== undefined && request.expected.sha256 !== sha256) {
      throw new Failure('archive_damaged', 'Cannot verify the archive: its sha256 differs');
    }
    const tree = parse(bytes);
    const files = [...tree.values()].filter(({ kind }) => kind === 'file').length;
    return {
      format: 'tar',
      size: bytes.length,
      sha256,
      entries: tree.size,
      files,
      rawSize: bytes.length,
      bytes: bytes.length,
      warnings: [],
      warningCount: 0,
    };
  }

  async extractArchive(request: ExtractRequest): Promise<ExtractResult> {
    const wanted = [...parse(await bytesOf(request.source))].filter(
      ([path, { kind }]) => request.select?.(path, kind) ?? true,
    );
    const tree = withParents(wanted);
    const paths = [...tree.keys()].sort();
    const half = Math.floor(paths.length / 2);
    makeNodes(request.into, tree, paths.slice(0, half));
    await this.halfWay(request);
    throwIfAborted(request.signal, 'Cannot unpack the archive');
    makeNodes(request.into, tree, paths.slice(half));
    finishDirectories(request.into, tree);
    const files = wanted.filter(([, { kind }]) => kind === 'file').length;
    return { entries: wanted.length, files, bytes: 0, warnings: [], warningCount: 0, hostile: 0, skipped: 0 };
  }

  async openArchive(request: OpenRequest) {
    const tree = parse(await bytesOf(request));
    return {
      format: 'roost' as const,
      async *entries(): AsyncGenerator<Entry, void, void> {
        for (const [path, node] of tree) yield entryOf(path, node);
      },
      selected: () => {
        throw new Error('not needed');
      },
      list: () => Promise.reject(new Error('not needed')),
      content: () => Promise.reject(new Error('not needed')),
      close: () => Promise.resolve(),
    };
  }
}

/** A tree as an archive that was fetched. */
export function archiveOf(tree: Tree, also: Partial<FetchedArchive> = {}): FetchedArchive {
  const bytes = Buffer.from(JSON.stringify([...tree].sort(([one], [other]) => (one < other ? -1 : 1))));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return {
    source: { archive: sourceOf(bytes) },
    expected: { size: bytes.length, sha256 },
    rawSize: bytes.length,
    files: tree.size,
    entries: tree.size,
    ignore: [],
    close: () => Promise.resolve(),
    ...also,
  };
}

function sourceOf(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
    close: () => Promise.resolve(),
  };
}

async function bytesOf({ archive }: OpenRequest): Promise<Buffer> {
  return Buffer.from(await archive.read(0, archive.size));
}

function parse(bytes: Buffer): Tree {
  return new Map(JSON.parse(bytes.toString()) as [string, TreeNode][]);
}

/** Parents that were not wanted are made as an unpacker makes them: with a mode and a time of its own. */
function withParents(wanted: readonly (readonly [string, TreeNode])[]): Tree {
  const tree = new Map<string, TreeNode>();
  for (const [path, node] of wanted) {
    const names = path.split('/');
    for (let length = 1; length < names.length; length++) {
      const parent = names.slice(0, length).join('/');
      if (!tree.has(parent)) tree.set(parent, IMPLIED);
    }
    tree.set(path, node);
  }
  return tree;
}

/** What a directory gets that was not wanted itself. */
export const IMPLIED: TreeNode = { kind: 'directory', mode: 0o755, mtime: 1_234_567_890 };

function entryOf(path: string, node: TreeNode): Entry {
  const common = { path, uid: 0, gid: 0, kind: node.kind };
  if (node.kind === 'symlink') return { ...common, size: 0, mode: 0o777, mtime: 0, target: node.target };
  return { ...common, size: node.kind === 'file' ? node.content.length : 0, mode: node.mode, mtime: node.mtime };
}
