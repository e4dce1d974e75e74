import { describe, expect, test } from 'vitest';
import type { RunningJob, Verb } from '../../src/jobs/runner/verb.ts';
import { objectKey } from '../../src/storage/key.ts';
import { backupId, backUp, gate, outcome, SERVER, serverId, testNode } from '../support/node.ts';
import { failureOf } from '../support/rejection.ts';
import { dataOf } from '../support/events.ts';

const ID = backupId(1);
const OTHER = serverId(2);

/** A restore that waits at a gate. */
function heldRestore(): { readonly verb: Verb; readonly gate: ReturnType<typeof gate> } {
  const held = gate();
  const run = async (job: RunningJob): Promise<void> => {
    await held.pass();
    job.commit(() => [{ type: 'restore.completed', server: job.record.server, data: {} }]);
  };
  const events = { started: 'restore.started', progress: 'restore.progress' } as const;
  return { verb: { kind: 'restore', events, run, failed: () => [] }, gate: held };
}

async function heldBackup(options: Parameters<typeof testNode>[0] = {}) {
  const node = await testNode(options);
  const held = gate();
  node.archive.beforePiece = held.pass;
  const accepted = await node.service.create({ server: SERVER, id: ID });
  await held.reached;
  return { node, accepted, open: held.open };
}

describe('creating', () => {
  test('50 servers at once with a limit of 2: never more than 2 are written, all complete, in order', async () => {
    const node = await testNode({ concurrent: 2 });
    node.archive.beforePiece = () => new Promise(setImmediate);
    const servers = Array.from({ length: 50 }, (_, at) => serverId(at + 1));
    const accepted = await Promise.all(servers.map((server) => node.service.create({ server })));
    const ended = await Promise.all(accepted.map((each) => each.ended));
    expect(node.archive.mostRunning).toBe(2);
    expect(ended.map(({ status }) => status)).toEqual(servers.map(() => 'COMPLETED'));
    expect(node.archive.writes.map(({ root }) => root)).toEqual(servers.map((server) => `/srv/${server}`));
  });

  test('is answered with the row as it is, and a name and an id when none were given', async () => {
    const node = await testNode();
    const { backup } = await node.service.create({ server: SERVER });
    expect(backup).toMatchObject({ server: SERVER, status: 'IN_PROGRESS', name: 'Backup 2026-01-01', locked: false });
  });

  test('a second one is refused while the server has one, also when both are asked for at the same moment', async () => {
    const { node, accepted, open } = await heldBackup();
    await failureOf(node.service.create({ server: SERVER }), 'server_busy');
    open();
    await accepted.ended;
    const both = await Promise.allSettled([1, 2].map(() => node.service.create({ server: SERVER })));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('a caller that asks to queue waits for its turn', async () => {
    const { node, accepted, open } = await heldBackup();
    const second = await node.service.create({ server: SERVER, whenBusy: 'queue' });
    expect(node.service.job(second.job)).toMatchObject({ state: 'queued', position: 1 });
    open();
    expect(await Promise.all([accepted, second].map(outcome))).toEqual(['done', 'done']);
    expect(node.archive.mostRunning).toBe(1);
  });

  test('an id is taken once, whatever became of its backup', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    await failureOf(node.service.create({ server: OTHER, id: ID }), 'backup_exists');
  });

  test('one more than the limit is refused; failed ones do not count', async () => {
    const node = await testNode({ limits: { perServer: 2 } });
    node.archive.beforePiece = () => Promise.reject(new Error('EIO'));
    expect(await outcome(await node.service.create({ server: SERVER }))).toBe('internal');
    node.archive.beforePiece = () => undefined;
    await backUp(node);
    await backUp(node);
    await failureOf(node.service.create({ server: SERVER }), 'too_many_backups');
    await backUp(node, OTHER);
  });

  test('an unknown server, a suspended one, and a store that is away are refused without a row', async () => {
    const node = await testNode();
    node.registry.missing.add(OTHER);
    await failureOf(node.service.create({ server: OTHER }), 'server_not_found');
    await node.service.setServer(SERVER, { suspended: true });
    await failureOf(node.service.create({ server: SERVER }), 'server_suspended');
    await node.service.setServer(SERVER, { suspended: false });
    node.memory.reachable = false;
    await failureOf(node.service.create({ server: SERVER }), 'store_unreachable');
    expect([node.catalogue.backups.list(), node.catalogue.jobs.list()]).toEqual([[], []]);
  });

  test('a daemon that shuts down takes nothing more', async () => {
    const node = await testNode();
    await node.runner.drain(AbortSignal.abort());
    await failureOf(node.service.create({ server: SERVER }), 'draining');
  });
});

describe('restoring', () => {
  test('shows the backup and its server as RESTORING from the request to the end', async () => {
    const { verb, gate: held } = heldRestore();
    const node = await testNode({ restore: verb });
    await backUp(node, SERVER, ID);
    const accepted = await node.service.restore({ server: SERVER, backup: ID, truncate: false });
    expect(accepted.backup.status).toBe('RESTORING');
    expect((await node.service.backups(SERVER)).map(({ status }) => status)).toEqual(['RESTORING']);
    expect((await node.service.server(SERVER)).status).toBe('RESTORING');
    held.open();
    expect((await accepted.ended).status).toBe('COMPLETED');
    expect((await node.service.server(SERVER)).status).toBe('READY');
  });

  test('is over for the next request as soon as its event was told', async () => {
    const { verb, gate: held } = heldRestore();
    const node = await testNode({ restore: verb });
    await backUp(node, SERVER, ID);
    const next = Promise.withResolvers<string>();
    node.events.subscribe(({ type }) => {
      if (type === 'restore.completed')
        node.service.create({ server: SERVER }).then(outcome).then(next.resolve, next.reject);
    });
    await node.service.restore({ server: SERVER, backup: ID, truncate: false });
    held.open();
    expect(await next.promise).toBe('done');
  });

  test('begins with a backup also where that has to wait for others', async () => {
    const seen: (string | undefined)[] = [];
    const run = async (job: RunningJob<'restore'>): Promise<void> => {
      const { after } = job.record.request;
      seen.push(node.catalogue.backups.list().find(({ id }) => id === after)?.status);
      job.commit(() => [], { warnings: [], warningCount: 0 });
    };
    const verb: Verb<'restore'> = { kind: 'restore', run, failed: () => [] };
    const node = await testNode({ concurrent: 1, restore: verb });
    const old = await backUp(node, OTHER);
    const held = gate();
    node.archive.beforePiece = held.pass;
    const running = await node.service.create({ server: SERVER });
    await held.reached;
    const asked = { server: OTHER, backup: old, truncate: true, backupFirst: true };
    const restored = await node.service.restore(asked);
    held.open();
    expect([await outcome(running), await outcome(restored)]).toEqual(['done', 'done']);
    expect(seen).toEqual(['COMPLETED']);
  });

  test('keeps what was asked for in its row', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    const { job } = await node.service.restore({ server: SERVER, backup: ID, truncate: true, paths: ['world/**'] });
    expect(node.catalogue.jobs.get(job).request).toEqual({ truncate: true, paths: ['world/**'] });
  });

  test.each([
    ['is being made', 'server_busy'],
    ['has failed', 'backup_failed'],
    ['was found damaged', 'archive_damaged'],
    ["is another server's", 'backup_not_found'],
    ['is being restored', 'server_busy'],
  ] as const)('of a backup that %s is refused with %s', async (state, code) => {
    const { verb } = heldRestore();
    const { node, accepted, open } = await heldBackup({ restore: verb });
    const restore = () => node.service.restore({ server: SERVER, backup: ID, truncate: false });
    if (state === 'is being made') await failureOf(restore(), code);
    if (state === 'has failed') await node.service.cancel(SERVER, ID);
    open();
    await outcome(accepted);
    if (state === 'was found damaged') node.catalogue.backups.markDamaged(ID);
    if (state === 'is being restored') await restore();
    const server = state === "is another server's" ? OTHER : SERVER;
    if (state !== 'is being made') {
      await failureOf(node.service.restore({ server, backup: ID, truncate: false }), code);
    }
  });
});

describe('deleting', () => {
  test('takes the objects and the row, and tells of it', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    await node.service.remove(SERVER, ID);
    expect(node.memory.objects.size).toBe(0);
    await failureOf(node.service.backup(SERVER, ID), 'backup_not_found');
    expect(node.told.at(-1)).toMatchObject({ type: 'backup.deleted', server: SERVER, backup: ID });
  });

  test('removes in the mirror of the order of writing', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    const removed: string[] = [];
    const remove = node.memory.remove.bind(node.memory);
    node.memory.remove = async (key) => {
      removed.push(key.slice(key.indexOf('.')));
      await remove(key);
    };
    await node.service.remove(SERVER, ID);
    expect(removed).toEqual(['.json', '.index', '.tar.gz']);
  });

  test('a locked backup, one in progress, one that is verified or restored stays', async () => {
    const { verb, gate: held } = heldRestore();
    const { node, accepted, open } = await heldBackup({ restore: verb });
    await failureOf(node.service.remove(SERVER, ID), 'server_busy');
    open();
    await accepted.ended;
    await node.service.setLocked(SERVER, ID, true);
    await failureOf(node.service.remove(SERVER, ID), 'backup_locked');
    await node.service.setLocked(SERVER, ID, false);
    const verifying = gate();
    node.archive.beforeVerify = verifying.pass;
    const verify = await node.service.verify(SERVER, ID);
    await failureOf(node.service.remove(SERVER, ID), 'server_busy');
    verifying.open();
    await verify.ended;
    const restore = await node.service.restore({ server: SERVER, backup: ID, truncate: false });
    await failureOf(node.service.remove(SERVER, ID), 'server_busy');
    held.open();
    await restore.ended;
    await node.service.remove(SERVER, ID);
  });

  test('a failed backup can be deleted', async () => {
    const { node, accepted } = await heldBackup();
    await node.service.cancel(SERVER, ID);
    await outcome(accepted);
    await node.service.remove(SERVER, ID);
    expect(await node.service.backups(SERVER)).toEqual([]);
  });

  test('what cannot be removed keeps its row, and can be deleted later', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    node.memory.reachable = false;
    await failureOf(node.service.remove(SERVER, ID), 'store_unreachable');
    expect((await node.service.backup(SERVER, ID)).status).toBe('COMPLETED');
    node.memory.reachable = true;
    await node.service.remove(SERVER, ID);
  });

  test('a backup whose archive somebody removed by hand can be deleted', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    node.memory.objects.clear();
    await node.service.remove(SERVER, ID);
  });

  test('a removal that has begun is finished by a shutdown, deadline or not', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    const removing = gate();
    const remove = node.memory.remove.bind(node.memory);
    node.memory.remove = async (key) => {
      await removing.pass();
      await remove(key);
    };
    const removed = node.service.remove(SERVER, ID);
    await removing.reached;
    const drained = node.runner.drain(AbortSignal.abort());
    removing.open();
    await Promise.all([removed, drained]);
    expect([node.memory.objects.size, node.catalogue.backups.list()]).toEqual([0, []]);
  });

  test('a suspended server keeps its backups', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    await node.service.setServer(SERVER, { suspended: true });
    await failureOf(node.service.remove(SERVER, ID), 'server_suspended');
  });

  test('a lock that is asked for during a removal comes too late, and brings no manifest back', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    const removing = gate();
    const remove = node.memory.remove.bind(node.memory);
    node.memory.remove = async (key) => {
      if (key.endsWith('.tar.gz')) await removing.pass();
      await remove(key);
    };
    const removed = node.service.remove(SERVER, ID);
    await removing.reached;
    const locked = failureOf(node.service.setLocked(SERVER, ID, true), 'backup_not_found');
    removing.open();
    await Promise.all([removed, locked]);
    expect(node.memory.objects.size).toBe(0);
  });

  test('a lock that is being stored when the removal is asked for wins', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    const locking = gate();
    const create = node.memory.create.bind(node.memory);
    node.memory.create = async (key) => {
      await locking.pass();
      return create(key);
    };
    const locked = node.service.setLocked(SERVER, ID, true);
    await locking.reached;
    const removed = failureOf(node.service.remove(SERVER, ID), 'backup_locked');
    locking.open();
    await Promise.all([locked, removed]);
    expect(node.memory.objects.size).toBe(3);
  });
});

describe('cancelling', () => {
  test('a running backup is cancelled, tells so, and leaves the server free', async () => {
    const { node, accepted } = await heldBackup();
    await node.service.cancel(SERVER, ID);
    expect(await outcome(accepted)).toBe('cancelled');
    expect(node.told.map(({ type }) => type)).toContain('backup.cancelled');
    node.archive.beforePiece = () => undefined;
    await backUp(node);
  });

  test('a queued backup is cancelled, and the one before it is not', async () => {
    const { node, accepted, open } = await heldBackup();
    const waiting = await node.service.create({ server: SERVER, id: backupId(2), whenBusy: 'queue' });
    await node.service.cancel(SERVER, backupId(2));
    expect(await outcome(waiting)).toBe('cancelled');
    open();
    expect(await outcome(accepted)).toBe('done');
  });

  test('nothing to cancel is not_running, a foreign backup is unknown', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    await failureOf(node.service.cancel(SERVER, ID), 'not_running');
    await failureOf(node.service.cancel(OTHER, ID), 'backup_not_found');
  });
});

describe('downloading', () => {
  test('gives the bytes of the archive', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    const { backup, source } = await node.service.download(SERVER, ID);
    expect(source.size).toBe(backup.size);
    await source.close();
  });

  test('is not ready while it is made, and failed when that failed', async () => {
    const { node, accepted } = await heldBackup();
    await failureOf(node.service.download(SERVER, ID), 'backup_not_ready');
    await node.service.cancel(SERVER, ID);
    await outcome(accepted);
    await failureOf(node.service.download(SERVER, ID), 'backup_failed');
  });

  test('of an archive that is missing, or not as long as it was, is archive_damaged', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    const key = objectKey(SERVER, ID, 'tar.gz');
    node.memory.objects.set(key, new Uint8Array(3));
    await failureOf(node.service.download(SERVER, ID), 'archive_damaged');
    node.memory.objects.delete(key);
    await failureOf(node.service.download(SERVER, ID), 'archive_damaged');
  });
});

describe('looking around', () => {
  test('a server’s status follows its jobs, each change told once', async () => {
    const { node, accepted, open } = await heldBackup();
    expect(await node.service.servers()).toMatchObject([
      { id: SERVER, status: 'BACKING_UP', backups: 1, suspended: false },
    ]);
    open();
    const { size } = await accepted.ended;
    expect(await node.service.server(SERVER)).toMatchObject({ status: 'READY', backups: 1, bytes: size });
    const statuses = dataOf(node.told, 'server.status').map(({ status }) => status);
    expect(statuses).toEqual(['BACKING_UP', 'READY']);
  });

  test('backups of a server whose directory is gone are still listed; an unknown server is not found', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    node.registry.missing.add(SERVER).add(OTHER);
    expect(await node.service.backups(SERVER)).toHaveLength(1);
    await failureOf(node.service.backups(OTHER), 'server_not_found');
  });

  test('a server whose directory is gone is shown as such, and a restore of it is taken on', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    node.registry.seen.clear();
    node.registry.missing.add(SERVER);
    expect(await node.service.servers()).toMatchObject([{ id: SERVER, directory: false, backups: 1 }]);
    expect(await node.service.server(SERVER)).toMatchObject({ id: SERVER, directory: false });
    await failureOf(node.service.create({ server: SERVER }), 'server_not_found');
    const { ended } = await node.service.restore({ server: SERVER, backup: ID, truncate: true });
    await expect(ended).resolves.toMatchObject({ id: ID });
  });

  test('jobs are newest first, with progress while they run and a position while they wait', async () => {
    const { node, open, accepted } = await heldBackup();
    node.clock.advance(1);
    const waiting = await node.service.create({ server: SERVER, whenBusy: 'queue' });
    const jobs = node.service.jobs({ server: SERVER, kind: 'backup' });
    expect(jobs.map(({ id, state, position }) => [id, state, position])).toEqual([
      [waiting.job, 'queued', 1],
      [accepted.job, 'running', null],
    ]);
    expect(jobs[1]?.progress).toMatchObject({ phase: 'writing' });
    expect(node.service.jobs({ server: OTHER })).toEqual([]);
    open();
    await Promise.all([accepted.ended, waiting.ended]);
    expect(node.service.job(accepted.job)).toMatchObject({ state: 'done', progress: null, position: null });
  });

  test('the system view names a store that is away, with the reason', async () => {
    const node = await testNode();
    node.memory.reachable = false;
    const view = await node.service.system();
    expect(view.stores).toEqual([
      { name: 'memory', type: 'memory', freeBytes: null, error: 'Cannot use the store: it is away' },
    ]);
  });

  test('an estimate counts with the patterns given, else with the server’s own', async () => {
    const node = await testNode();
    node.archive.ignoreFile = ['*.log'];
    const estimate = await node.service.estimate(SERVER, undefined, new AbortController().signal);
    await node.service.estimate(SERVER, ['cache/'], new AbortController().signal);
    expect(estimate.largestIgnored).toEqual([{ path: 'café', bytes: 7 }]);
    expect(node.archive.estimates.map(({ ignore }) => ignore)).toEqual([['*.log'], ['cache/']]);
  });
});

describe('locking', () => {
  test('is told, is in the manifest, and can be undone', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    expect((await node.service.setLocked(SERVER, ID, true)).locked).toBe(true);
    expect(node.told.at(-1)).toMatchObject({ type: 'backup.locked', data: { locked: true } });
    expect((await node.service.setLocked(SERVER, ID, false)).locked).toBe(false);
  });

  test('a lock that the manifest cannot hold is refused; an unlock is not', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    await node.service.setLocked(SERVER, ID, true);
    node.memory.reachable = false;
    expect((await node.service.setLocked(SERVER, ID, false)).locked).toBe(false);
    await failureOf(node.service.setLocked(SERVER, ID, true), 'store_unreachable');
    expect((await node.service.backup(SERVER, ID)).locked).toBe(false);
  });
});
