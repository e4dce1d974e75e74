/** Restores of random trees, each compared with what its preview said. */
import { expect } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost } from './daemon.ts';
import { dice, emptyDirectory, randomTree, shapeOf } from './random-tree.ts';

const SERVER = `/api/servers/${GAME_SERVER}`;

interface Change {
  readonly class: string;
  readonly path: string;
}

interface Comparison {
  readonly id: string;
  readonly totals: Record<string, { files: number; directories: number }>;
  readonly changes: Change[];
  readonly cursor?: string;
}

type Call = Awaited<ReturnType<typeof runDaemonOn>>['call'];

/** All changes of a comparison, by its pages. */
export async function allChanges(call: Call, first: Comparison): Promise<Map<string, Set<string>>> {
  const changes = [...first.changes];
  for (let { cursor } = first; cursor !== undefined;) {
    const { status, body } = await call(`${SERVER}/comparisons/${first.id}?limit=7&cursor=${cursor}`);
    expect(status).toBe(200);
    const page = body as { changes: Change[]; cursor?: string };
    changes.push(...page.changes);
    cursor = page.cursor;
  }
  const paths = new Map<string, Set<string>>();
  for (const change of changes) paths.set(change.class, (paths.get(change.class) ?? new Set()).add(change.path));
  return paths;
}

/** @param count trees, each restored over another in one of the ways that a restore has. */
export async function comparePreviews(count: number, seed: number): Promise<void> {
  const roll = dice(seed);
  const host = await scratchHost();
  const { call } = await runDaemonOn(host);
  for (let round = 0; round < count; round++) {
    emptyDirectory(host.server);
    randomTree(host.server, roll, 0, true);
    const archived = shapeOf(host.server);
    const ignore = roll(2) === 0 ? ['*.txt', '!world/log.txt'] : ['nothing'];
    const made = await call(`${SERVER}/backups`, { body: { ignore } });
    expect(made.status).toBe(201);
    const { id } = made.body as { id: string };
    emptyDirectory(host.server);
    randomTree(host.server, roll, 0, true);
    const before = shapeOf(host.server);
    const sizesBefore = shapeOf(host.server, 'sizes');
    const asked = {
      truncate: roll(3) > 0,
      ...(roll(2) === 0 ? { keepIgnored: true } : {}),
      ...(roll(3) === 0 ? { paths: ['world', 'a/**', '[x]'] } : roll(4) === 0 ? { files: ['a', 'b', 'world/a'] } : {}),
      force: true,
    };
    const shown = await call(`${SERVER}/backups/${id}/preview`, { body: asked });
    const about = `round ${round} of seed ${seed}: ${JSON.stringify({ asked, ignore })}`;
    if (shown.status !== 200) {
      expect(shown.body, about).toMatchObject({ code: 'path_not_found' });
      continue;
    }
    expect(shapeOf(host.server)).toEqual(before);
    const preview = shown.body as Comparison;
    const changes = await allChanges(call, preview);
    const { status } = await call(`${SERVER}/backups/restore?id=${id}`, { body: { preview: preview.id, force: true } });
    expect(status, about).toBe(200);
    const after = shapeOf(host.server);
    const of = (name: string): string[] => Array.from(changes.get(name) ?? []).sort();
    expect(of('added'), about).toEqual([...after.keys()].filter((path) => !before.has(path)).sort());
    expect(of('deleted'), about).toEqual([...before.keys()].filter((path) => !after.has(path)).sort());
    const sizesAfter = shapeOf(host.server, 'sizes');
    const changed = [...sizesAfter].filter(([path, what]) => before.has(path) && sizesBefore.get(path) !== what);
    expect(of('changed'), about).toEqual(changed.map(([path]) => path).sort());
    // Contents of equal size and time count as the same, as the preview says; the restore brings them back none the less.
    const rewritten = [...after].filter(
      ([path, what]) => before.has(path) && before.get(path) !== what && sizesBefore.get(path) === sizesAfter.get(path),
    );
    for (const [path, what] of rewritten) expect(what, `${about}: ${path}`).toBe(archived.get(path));
    expect(rewritten.length, about).toBeLessThanOrEqual(preview.totals['same']?.files ?? 0);
    if (!('paths' in asked) && !('files' in asked) && asked.keepIgnored !== true && ignore[0] === 'nothing') {
      for (const [path, what] of archived) expect(after.get(path), `${about}: ${path}`).toBe(what);
    }
    for (const [name, paths] of changes) {
      const { files = 0, directories = 0 } = preview.totals[name] ?? {};
      expect(files + directories, about).toBe(paths.size);
    }
  }
}
