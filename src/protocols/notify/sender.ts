/** Sends messages to channels: the one implementation of the port. */
import { AllowedHosts, type Resolve, systemResolve } from '../../base/address-rules.ts';
import type { Clock } from '../../base/clock.ts';
import type { NoticeSender } from '../../jobs/notify/port.ts';
import { requestFor } from './channels.ts';
import { guardedPost } from './guarded-post.ts';

export interface SenderSettings {
  readonly clock: Pick<Clock, 'now'>;
  readonly userAgent: string;
  readonly resolve?: Resolve;
}

export function noticeSender({ clock, userAgent, resolve = systemResolve }: SenderSettings): NoticeSender {
  return {
    async send(channel, message, allowlist, signal) {
      const { url, headers, body } = requestFor(channel, message, clock.now());
      const outgoing = { url, headers: { 'user-agent': userAgent, ...headers }, body };
      await guardedPost(outgoing, new AllowedHosts(allowlist), resolve, signal);
    },
  };
}
