/** A node that has something to tell, in manual time. */
import { onTestFinished } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { silentLog } from '../../../src/base/log/log.ts';
import { openCatalogue } from '../../../src/catalogue/catalogue.ts';
import type { Catalogue } from '../../../src/catalogue/contract.ts';
import { parseConfig } from '../../../src/config/config.ts';
import type { ChannelConfig } from '../../../src/config/types.ts';
import { Notifier } from '../../../src/jobs/notify/notifier.ts';
import type { NoticeMessage, NoticeSender } from '../../../src/jobs/notify/port.ts';
import { EventHub } from '../../../src/jobs/runner/events.ts';
import { backupId, completed, jobId, newBackup, newJob, serverId } from '../../support/catalogue-rows.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const NOWHERE: NoticeSender = { send: async () => undefined };

/**
 * Its catalogue outlives its notifiers, as after a crash.
 *
 * @param sender of what is told; without it a message is told once it was not refused.
 */
export async function notifyingNode(yaml: string, sender = NOWHERE) {
  const time = new ManualTime();
  const path = `${await scratchDirectory()}/catalogue.sqlite`;
  const { notify } = parseConfig('c.yml', yaml, {});
  const told: { readonly channel: string; readonly message: NoticeMessage }[] = [];
  const state = {
    time,
    told,
    catalogue: openCatalogue(path, time),
    /** Rejects what the test wants to fail; called before a message counts as told. */
    refuse: (_channel: ChannelConfig, _message: NoticeMessage): Failure | undefined => undefined,
    isOpen: true,
    /** From now on nothing of the process reaches the disk. */
    kill(): void {
      if (this.isOpen) this.catalogue.close();
      this.isOpen = false;
    },
    /** Called after the channel has taken it, before the node knows. */
    onTold: (): void => undefined,
  };
  const open = () => {
    const events = new EventHub(time, () => undefined);
    const notifier = new Notifier({
      catalogue: state.catalogue,
      config: { notify },
      events,
      clock: time,
      timers: time,
      random: () => 0,
      log: silentLog(),
      node: 'node1',
      nameOf: (id) => (id === serverId(1) ? 'survival' : 'creative'),
      sender: {
        async send(channel, message, allowlist, signal) {
          const failure = state.refuse(channel, message);
          if (failure !== undefined) throw failure;
          await sender.send(channel, message, allowlist, signal);
          told.push({ channel: channel.name, message });
          state.onTold();
        },
      },
    });
    notifier.start();
    return { notifier, events };
  };
  let running = open();
  onTestFinished(async () => {
    await running.notifier.close();
    state.kill();
  });
  const settle = async (): Promise<void> => {
    running.notifier.wake();
    await running.notifier.settled();
  };
  return {
    ...state,
    state,
    settle,
    events: () => running.events,
    eventsTold: (channel = 'ops') =>
      told.filter((each) => each.channel === channel).map(({ message }) => message.event),
    /** Ends as a kill does: nothing of the process goes on, and the catalogue is opened anew. */
    crash: async (whileDown: (catalogue: Catalogue) => void = () => undefined) => {
      state.kill();
      await running.notifier.close();
      state.catalogue = openCatalogue(path, time);
      state.isOpen = true;
      whileDown(state.catalogue);
      running = open();
      await settle();
    },
  };
}

export function backUp(
  catalogue: Catalogue,
  number: number,
  end: 'done' | 'failed' | 'cancelled' | 'suspect' = 'done',
  server = 1,
) {
  const about = { server: serverId(server) };
  catalogue.transaction(() => {
    catalogue.backups.insert(newBackup(number, about));
    catalogue.jobs.insert(newJob(number, about));
    catalogue.jobs.start(jobId(number), 'writing');
  });
  catalogue.transaction(() => {
    const error = new Failure(end === 'cancelled' ? 'cancelled' : 'insufficient_storage', 'No room', {
      hint: 'Free some.',
    });
    const suspect = { reason: 'empty', message: 'It holds no files', files: 0, bytes: 0, baseline: null } as const;
    if (end === 'done' || end === 'suspect') {
      catalogue.backups.complete(backupId(number), completed(end === 'suspect' ? { suspect } : {}));
      catalogue.jobs.finish(jobId(number), 'done');
    } else {
      catalogue.backups.fail(backupId(number), error.toJSON());
      catalogue.jobs.finish(jobId(number), end, error.toJSON());
    }
  });
}
