/** Builds notifications: what is watched, the queue, and the ways out. */
import { hostname } from 'node:os';
import type { Clock } from '../base/clock.ts';
import type { ServerId } from '../base/ids.ts';
import type { Log } from '../base/log/log.ts';
import { systemTimers } from '../base/timers.ts';
import type { NotifyService } from '../jobs/notify/port.ts';
import type { Config } from '../config/types.ts';
import { testChannels, viewChannels } from '../jobs/notify/admin.ts';
import { Notifier } from '../jobs/notify/notifier.ts';
import { NoticeWatch, type WatchDeps } from '../jobs/notify/watch.ts';
import type { EventHub } from '../jobs/runner/events.ts';
import { shownName } from '../jobs/views.ts';
import { noticeSender } from '../protocols/notify/sender.ts';
import { defaultName } from '../servers/registry.ts';

export interface NotifyingDeps extends Omit<WatchDeps, 'node' | 'nameOf'> {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
}

export interface Notifying {
  readonly service: NotifyService;
  start(): void;
  close(): Promise<void>;
}

export function composeNotify({ version, ...deps }: NotifyingDeps, events: EventHub): Notifying {
  const { catalogue, clock, config } = deps;
  const listed = new Map(config.servers.list.map(({ id, name }) => [id, name]));
  const nameOf = (id: ServerId): string =>
    shownName(id, listed.get(id) ?? defaultName(id), catalogue.servers.get(id).settings);
  const sender = noticeSender({ clock, userAgent: `Roost/${version}` });
  const parts = { ...deps, events, sender, nameOf, node: hostname(), timers: systemTimers };
  const notifier = new Notifier({ ...parts, random: Math.random });
  const watch = new NoticeWatch({ ...parts, wake: () => notifier.wake() });
  return {
    service: {
      channels: () => viewChannels(parts),
      test: (channel, signal) => testChannels(channel, parts, signal),
    },
    start() {
      notifier.start();
      watch.start();
    },
    async close() {
      await watch.close();
      await notifier.close();
    },
  };
}
