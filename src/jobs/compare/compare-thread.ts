/**
 * Compares trees in a thread of its own: entries of archives with each other, or with a live directory. Memory grows with
 * the names of what is compared, up to the thread's limit; a search holds what it found.
 */
import fs from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { openArchive } from '../../archive/archive.ts';
import type { BatchedArchive } from '../../archive/contract.ts';
import { compileIgnore } from '../../archive/ignore/ignore.ts';
import { type ReadAnswer, SourcePort } from '../../archive/read/source-port.ts';
import { Control } from '../../archive/threads/control.ts';
import type { OperationRequest } from '../../archive/threads/serve-operations.ts';
import { QUIT } from '../../archive/threads/thread.ts';
import { asFailure, Failure } from '../../base/failure.ts';
import { openRoot } from '../../base/files/handles.ts';
import { splitPath } from '../../base/files/paths.ts';
import { ownDirectory } from '../../base/files/thread-cwd.ts';
import { either, keepPaths } from '../../servers/swap/swap.ts';
import { keepIgnored, rulesOf } from '../restore/plan-file.ts';
import { resolveAsked } from '../restore/select/paths.ts';
import { diffTrees } from './diff.ts';
import type { CompareData, CompareResults, CompareTask, FoundName } from './messages.ts';
import { nameTest } from './name-pattern.ts';
import { PreviewWalk } from './preview-walk.ts';
import { Collector } from './rows.ts';
import { emptyTree, liveTree, TreeBuild, type TreeNode } from './tree.ts';

type TaskOf<Kind extends CompareTask['kind']> = Extract<CompareTask, { readonly kind: Kind }>;

const starter = parentPort;
if (starter === null) throw new Error('the comparing thread is started by compareIn only');
const asked = Promise.withResolvers<OperationRequest>();
// The listener keeps the thread running until `QUIT`: a thread that ends sooner may be noticed before its last message.
starter.on('message', (message: OperationRequest | typeof QUIT) => {
  if (message === QUIT) starter.close();
  else asked.resolve(message);
});
const request = await asked.promise;
const { port } = request;
const data = request.data as CompareData;
ownDirectory();
const { checkStop } = new Control(data.control);
const sources = new SourcePort(port);
port.on('message', (message: ReadAnswer | { readonly type: 'stop' }) => {
  if (message.type === 'stop') sources.stop();
  else sources.receive(message);
});

try {
  port.postMessage({ type: 'done', result: await run(data.task) });
} catch (error) {
  port.postMessage({ type: 'failed', failure: asFailure(error, 'Cannot compare').toJSON() });
} finally {
  port.close();
}

async function run(task: CompareTask): Promise<CompareResults[CompareTask['kind']]> {
  if (task.kind === 'preview') return preview(task);
  if (task.kind === 'backups') return backups();
  if (task.kind === 'live') return live(task);
  if (task.kind === 'totals') return totals(task.path);
  const found: CompareResults['find'][number][] = [];
  // One after another: each open archive holds a block of its index.
  for (const at of data.archives.keys()) found.push(await find(task, at));
  return found;
}

async function open(at: number): Promise<BatchedArchive> {
  const handles = data.archives[at];
  if (handles === undefined) throw new TypeError('a task names archives that it was given');
  const { archive, index, listing, aside } = handles;
  return openArchive({
    archive: sources.source(`archive${at}`, archive),
    ...(index === undefined ? {} : { index: sources.source(`index${at}`, index) }),
    // Always a local file, which this thread reads itself.
    ...(listing === undefined ? {} : { listing: sources.source(`index${at}`, listing) }),
    ...(aside === undefined ? {} : { aside }),
  });
}

async function treeOf(at: number): Promise<TreeNode> {
  const root = emptyTree();
  const opened = await open(at);
  const build = new TreeBuild(root);
  for await (const entries of opened.batches()) {
    checkStop();
    for (const entry of entries) build.add(entry, true);
  }
  return root;
}

async function preview({ request, live: path, fixed, ignore }: TaskOf<'preview'>): Promise<CompareResults['preview']> {
  const opened = await open(0);
  const resolved = await resolveAsked(request, () => opened.entries());
  const root = emptyTree();
  const build = new TreeBuild(root);
  for await (const entries of opened.batches()) {
    checkStop();
    for (const entry of entries) build.add(entry, resolved?.selection.selects(entry.path, entry.kind) !== false);
  }
  const collector = new Collector();
  const walk = new PreviewWalk({ truncate: request.truncate, root, collector, checkStop });
  const rules = rulesOf({ request, selection: resolved?.selection, fixed, ignore });
  await inDirectory(path, (handle) => walk.run(handle, rules));
  return { ...collector.found(), missing: resolved?.missing ?? [] };
}

async function backups(): Promise<CompareResults['backups']> {
  const collector = new Collector();
  diffTrees({ before: await treeOf(0), after: await treeOf(1) }, collector, checkStop);
  return collector.found();
}

async function live({ live: path, fixed, ignore }: TaskOf<'live'>): Promise<CompareResults['live']> {
  const before = await treeOf(0);
  const collector = new Collector();
  const leftOut = either(keepPaths(fixed), keepIgnored(compileIgnore(ignore).root()));
  await inDirectory(path, async (handle) => {
    const after = handle === undefined ? emptyTree() : liveTree(handle, leftOut, checkStop);
    diffTrees({ before, after }, collector, checkStop);
  });
  return collector.found();
}

async function inDirectory(
  path: string | undefined,
  work: (handle: number | undefined) => Promise<void>,
): Promise<void> {
  if (path === undefined) return work(undefined);
  const handle = openRoot(path);
  try {
    await work(handle);
  } finally {
    fs.closeSync(handle);
  }
}

async function find({ query, after, most }: TaskOf<'find'>, at: number): Promise<CompareResults['find'][number]> {
  const test = nameTest(query);
  const names: FoundName[] = [];
  const opened = await open(at);
  let passed = after === undefined;
  for await (const entries of opened.batches()) {
    checkStop();
    for (const { path, kind, size, mode, mtime, target } of entries) {
      if (!passed) passed = path === after && test(splitPath(path).name);
      else if (test(splitPath(path).name)) {
        if (names.length === most) return { names, more: true };
        names.push({ path, kind, size, mode, mtime, target });
      }
    }
  }
  if (!passed) throw new Failure('invalid_request', 'Cannot search from there: the cursor is none that a page had');
  return { names, more: false };
}

async function totals(path: string): Promise<CompareResults['totals']> {
  const prefix = path === '' ? '' : `${path}/`;
  const sums = new Map<string, { files: number; bytes: number }>();
  const opened = await open(0);
  for await (const entries of opened.batches()) {
    checkStop();
    for (const entry of entries) {
      if (!entry.path.startsWith(prefix)) continue;
      const rest = entry.path.slice(prefix.length);
      const end = rest.indexOf('/');
      if (end < 0 || entry.kind === 'directory') continue;
      const name = rest.slice(0, end);
      const sum = sums.get(name) ?? { files: 0, bytes: 0 };
      sums.set(name, sum);
      sum.files++;
      sum.bytes += entry.size;
    }
  }
  return Array.from(sums, ([name, { files, bytes }]) => [name, files, bytes] as const);
}
