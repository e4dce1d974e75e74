/** How messages leave the node; protocols/notify/ has the ways. */
import type { ChannelConfig, NoticeEvent } from '../../config/types.ts';
import type { NoticeMessage } from './message.ts';

export type { NoticeMessage } from './message.ts';
export { textOf } from './message.ts';

export interface NoticeSender {
  /**
   * Resolves once the channel has taken the message.
   *
   * @param allowlist private hosts that the operator allows.
   * @throws Failure `invalid_request` for an address that is not allowed; `store_unreachable` when it cannot be reached or
   *   refuses, with `facts.retryAfterMs` where it says when to try again; `cancelled` on abort.
   */
  send(
    channel: ChannelConfig,
    message: NoticeMessage,
    allowlist: readonly string[],
    signal: AbortSignal,
  ): Promise<void>;
}

/** A channel of the config, and what waits for it. */
export interface ChannelView {
  readonly name: string;
  readonly type: ChannelConfig['type'];
  readonly events: readonly NoticeEvent[];
  readonly waiting: number;
  /** When the oldest of them was written, ms since the epoch. */
  readonly oldest: number | null;
  /** Why the last try failed; null when it did not. */
  readonly error: string | null;
}

export interface NoticeTest {
  readonly name: string;
  /** null when the channel took the message. */
  readonly error: { readonly message: string; readonly hint: string | null } | null;
}

/** Notifications, as an operator sees them. */
export interface NotifyService {
  channels(): readonly ChannelView[];
  /** Sends a test to each channel, or to that one. `invalid_request` when there is none. */
  test(channel: string | undefined, signal: AbortSignal): Promise<readonly NoticeTest[]>;
}
