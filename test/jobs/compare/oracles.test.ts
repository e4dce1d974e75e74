/** Comparisons, findings and selections of random trees, against `diff`, `tar` and a walk. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../../support/daemon.ts';
import { allChanges } from '../../support/previewed-restores.ts';
import { dice, emptyDirectory, randomTree, shapeOf } from '../../support/random-tree.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const SERVER = `/api/servers/${GAME_SERVER}`;
const ROUNDS = 8;

type Call = Awaited<ReturnType<typeof runDaemonOn>>['call'];

/** diff compares contents, and Roost times and modes besides: here files of one content are of one mode and time. */
function fillAnew(directory: string, roll: ReturnType<typeof dice>): void {
  emptyDirectory(directory);
  randomTree(directory, roll);
  for (const [path, what] of shapeOf(directory)) {
    if (what.startsWith('file')) fs.chmodSync(join(directory, path), 0o644);
    else if (what.startsWith('link')) fs.lutimesSync(join(directory, path), 1_700_000_000, 1_700_000_000);
  }
}

async function backUp(call: Call): Promise<string> {
  const { status, body } = await call(`${SERVER}/backups`, { body: { ignore: ['nothing'] } });
  expect(status).toBe(201);
  return (body as { id: string }).id;
}

function unpacked(archive: string, into: string): string {
  fs.mkdirSync(into);
  const { status, stderr } = spawnSync('tar', ['-xzf', archive, '-C', into], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return into;
}

/** What `diff -r` tells of two directories, with all that lies below a directory which only one has. */
function differences(from: string, to: string): Map<string, Set<string>> {
  const { stdout } = spawnSync('diff', ['-rq', '--no-dereference', from, to], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
  });
  const found = new Map<string, Set<string>>();
  const add = (kind: string, path: string): void => void found.set(kind, (found.get(kind) ?? new Set()).add(path));
  const [before, after] = [shapeOf(from), shapeOf(to)];
  const below = (shape: Map<string, string>, path: string) =>
    [...shape.keys()].filter((at) => at.startsWith(`${path}/`));
  for (const line of stdout.split('\n').filter((each) => each !== '')) {
    const [, directory, name] = /^Only in (.*): (.*)$/.exec(line) ?? [];
    if (directory === undefined || name === undefined) {
      const path = [...before.keys()].find((at) => after.has(at) && line.includes(` ${join(from, at)} `));
      if (path === undefined) throw new Error(`diff said ${line}`);
      add('changed', path);
      // Where a directory stands against a file, diff does not say what is in it.
      if (before.get(path) !== after.get(path)) {
        for (const at of below(before, path)) if (!after.has(at)) add('deleted', at);
        for (const at of below(after, path)) if (!before.has(at)) add('added', at);
      }
      continue;
    }
    const isOld = directory === from || directory.startsWith(`${from}/`);
    const path = join(directory, name).slice((isOld ? from : to).length + 1);
    for (const at of [path, ...below(isOld ? before : after, path)]) add(isOld ? 'deleted' : 'added', at);
  }
  return found;
}

const sorted = (classes: Map<string, Set<string>>): Record<string, string[]> =>
  Object.fromEntries(
    [...classes].filter(([, paths]) => paths.size > 0).map(([name, paths]) => [name, [...paths].sort()]),
  );

test('comparisons of backups, and of a backup with the live tree, equal diff -r of both', async () => {
  const roll = dice(5);
  const host = await scratchHost();
  const { call } = await runDaemonOn(host);
  const aside = await scratchDirectory();
  const compared = async (id: string, other: string) => {
    const { status, body } = await call(`${SERVER}/backups/${id}/compare?with=${other}`);
    expect(status).toBe(200);
    const classes = await allChanges(call, body);
    classes.delete('same');
    return sorted(classes);
  };
  for (let round = 0; round < ROUNDS; round++) {
    fillAnew(host.server, roll);
    const first = await backUp(call);
    fillAnew(host.server, roll);
    const second = await backUp(call);
    const [one, other] = [first, second].map((id) =>
      unpacked(join(host.backups, GAME_SERVER, `${id}.tar.gz`), join(aside, id)),
    );
    if (one === undefined || other === undefined) throw new Error('two were unpacked');
    expect(await compared(first, second), `round ${round}`).toEqual(sorted(differences(one, other)));
    expect(await compared(second, first), `round ${round}`).toEqual(sorted(differences(other, one)));
    fillAnew(host.server, roll);
    expect(await compared(second, 'live'), `round ${round}, live`).toEqual(sorted(differences(other, host.server)));
  }
});

interface Versions {
  readonly paths: readonly { readonly path: string; readonly versions: readonly { readonly backups: string[] }[] }[];
}

test('names that are found, with their versions, are those of a walk over all archives', async () => {
  const roll = dice(11);
  const host = await scratchHost();
  const { call } = await runDaemonOn(host);
  const aside = await scratchDirectory();
  const trees: { readonly id: string; readonly shape: Map<string, string> }[] = [];
  for (let round = 0; round < 5; round++) {
    if (round !== 2) fillAnew(host.server, roll);
    const id = await backUp(call);
    trees.push({ id, shape: shapeOf(unpacked(join(host.backups, GAME_SERVER, `${id}.tar.gz`), join(aside, id))) });
  }
  for (const name of ['a', 'LOG', '[x]', 'über', 'world', 'a b', 'none of it']) {
    const { status, body } = await call(`${SERVER}/find?q=${encodeURIComponent(name)}`);
    expect(status).toBe(200);
    const walked = new Map<string, Set<string>>();
    for (const { id, shape } of trees) {
      for (const path of shape.keys()) {
        const last = path.slice(path.lastIndexOf('/') + 1);
        if (last.toLowerCase().includes(name.toLowerCase())) walked.set(path, (walked.get(path) ?? new Set()).add(id));
      }
    }
    const found = (body as Versions).paths.map(({ path, versions }) => {
      const backups = versions.flatMap((version) => version.backups);
      expect(new Set(backups).size, path).toBe(backups.length);
      return [path, new Set(backups)] as const;
    });
    expect(sorted(new Map(found)), name).toEqual(sorted(walked));
  }
});

test('selections by signed addresses are what tar takes out of the archive', async () => {
  const roll = dice(23);
  const host = await scratchHost();
  const { call, url } = await runDaemonOn(host);
  const aside = await scratchDirectory();
  for (let round = 0; round < ROUNDS; round++) {
    fillAnew(host.server, roll);
    const id = await backUp(call);
    const all = [...shapeOf(host.server).keys()];
    const paths = all.filter(() => roll(3) === 0);
    if (paths.length === 0) continue;
    const asked = await call(`${SERVER}/backups/download-token`, { body: { id, paths } });
    expect(asked.status).toBe(200);
    const response = await fetch(new URL((asked.body as { downloadUrl: string }).downloadUrl, url));
    expect(response.status).toBe(200);
    const bytes = Buffer.from(await response.arrayBuffer());
    const only = paths.length === 1 ? shapeOf(host.server).get(paths[0] ?? '') : undefined;
    if (only?.startsWith('file') === true) {
      expect(bytes).toEqual(fs.readFileSync(join(host.server, paths[0] ?? '')));
      continue;
    }
    const file = join(aside, `${round}.tar.gz`);
    fs.writeFileSync(file, bytes);
    const shape = shapeOf(unpacked(file, join(aside, `${round}`)));
    const isWanted = (path: string): boolean => paths.some((each) => path === each || path.startsWith(`${each}/`));
    const wanted = [...shapeOf(host.server)].filter(([path]) => isWanted(path));
    const parents = [...shape.keys()].filter((path) => !isWanted(path));
    expect(parents.filter((path) => shape.get(path) !== 'directory')).toEqual([]);
    expect(new Map([...shape].filter(([path]) => isWanted(path)))).toEqual(new Map(wanted));
  }
});
