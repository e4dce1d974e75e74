/** What an operator asks of notifications: how the channels are, and a test of them. */
import { isoDate } from '../../base/clock.ts';
import { asFailure, Failure } from '../../base/failure.ts';
import { newJobId } from '../../base/ids.ts';
import type { ComposeDeps } from './compose.ts';
import type { NoticeMessage } from './message.ts';
import type { ChannelView, NoticeSender, NoticeTest } from './port.ts';

export interface NotifyAdminDeps extends ComposeDeps {
  readonly sender: NoticeSender;
}

export function viewChannels({ catalogue, config }: Pick<ComposeDeps, 'catalogue' | 'config'>): ChannelView[] {
  const counts = catalogue.notices.counts();
  return config.notify.channels.map(({ name, type, events }) => {
    const { waiting = 0, oldest = null, error = null } = counts.get(name) ?? {};
    return { name, type, events, waiting, oldest, error };
  });
}

/**
 * Sends a message to each channel, or to that one, past the queue.
 *
 * @throws Failure `invalid_request` when there is no such channel.
 */
export async function testChannels(
  name: string | undefined,
  { config, clock, node, sender }: NotifyAdminDeps,
  signal: AbortSignal,
): Promise<NoticeTest[]> {
  const { channels, hostAllowlist } = config.notify;
  const asked = channels.filter((channel) => name === undefined || channel.name === name);
  if (asked.length === 0) {
    const which = name === undefined ? 'the config has none' : `the config has none named "${name}"`;
    throw new Failure('invalid_request', `Cannot test a channel: ${which}`, {
      hint: 'Channels are under notify.channels in the config.',
    });
  }
  const message: NoticeMessage = {
    id: newJobId(),
    event: 'test',
    level: 'info',
    time: isoDate(clock.now()),
    node,
    server: null,
    backup: null,
    job: null,
    message: 'Roost can reach this channel',
    hint: null,
    data: {},
  };
  return Promise.all(
    asked.map(async (channel) => {
      const error = await sender.send(channel, message, hostAllowlist, signal).then(
        () => null,
        (thrown: unknown) => asFailure(thrown, 'Cannot send a notification'),
      );
      if (error === null) return { name: channel.name, error };
      return { name: channel.name, error: { message: error.message, hint: error.hint ?? null } };
    }),
  );
}
