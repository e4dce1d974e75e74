/** The HTTP side over the real jobs room, and the situations that the documents speak of. */
import type { TokenConfig } from '../../src/config/types.ts';
import type { BackupId } from '../../src/base/ids.ts';
import type { CreateBackup } from '../../src/jobs/contract.ts';
import type { Verb } from '../../src/jobs/runner/verb.ts';
import { ManualTime } from '../support/manual-time.ts';
import { openNativeApp } from '../support/native-app.ts';
import { gate, outcome, SERVER, testNode, type NodeOptions } from '../support/node.ts';

interface Options extends Omit<NodeOptions, 'clock'> {
  readonly tokens?: readonly TokenConfig[];
  readonly publicUrl?: string;
}

export async function conformanceNode({ tokens, publicUrl, ...options }: Options = {}) {
  const clock = new ManualTime();
  const node = await testNode({ ...options, clock });
  const { call } = openNativeApp({
    service: node.service,
    events: node.events,
    clock,
    timers: clock,
    api: { publicUrl: publicUrl ?? null, trustedProxies: [], tls: null },
    ...(tokens === undefined ? {} : { tokens }),
  });
  const create = (request: Partial<CreateBackup> = {}) => node.service.create({ server: SERVER, ...request });

  /** A completed backup. */
  async function made(request: Partial<CreateBackup> = {}): Promise<BackupId> {
    return (await (await create(request)).ended).id;
  }

  /** A backup that failed. */
  async function failed(request: Partial<CreateBackup> = {}): Promise<BackupId> {
    node.archive.beforePiece = () => Promise.reject(new Error('EIO'));
    const accepted = await create(request);
    await outcome(accepted);
    node.archive.beforePiece = () => undefined;
    return accepted.backup.id;
  }

  /** A backup that is being made until `end` is called; its id when it was asked for here. */
  async function held(begin: () => Promise<unknown> = () => create()) {
    const waiting = gate();
    node.archive.beforePiece = waiting.pass;
    const answer = begin();
    await waiting.reached;
    const [running] = node.runner.open({ server: SERVER });
    if (running === undefined) throw new Error('nothing runs');
    const ended = Promise.withResolvers<void>();
    const stop = node.events.subscribe(({ type }) => {
      if (type === 'backup.completed') ended.resolve();
    });
    const end = async (): Promise<unknown> => {
      waiting.open();
      await ended.promise;
      stop();
      node.archive.beforePiece = () => undefined;
      return answer;
    };
    return { id: running.record.backup, answer, end };
  }

  return { ...node, clock, call, made, failed, held };
}

/** A restore that waits until it is let go. */
export function heldRestore() {
  const waiting = gate();
  const verb: Verb<'restore'> = {
    kind: 'restore',
    events: { started: 'restore.started', progress: 'restore.progress' },
    run: async (job) => {
      await waiting.pass();
      job.commit(() => [{ type: 'restore.completed', server: job.record.server, data: {} }], {
        warnings: [],
        warningCount: 0,
      });
    },
    failed: () => [],
  };
  return { verb, reached: waiting.reached, end: waiting.open };
}
