/** The text of a notification: one event in words, for people and for programs. */
import { printableText } from '../../base/files/paths.ts';
import type { ChannelConfig, NoticeEvent } from '../../config/types.ts';

/** A message as it waits in the catalogue and goes to a channel. Times are ISO dates. */
export interface NoticeMessage {
  /** Stays over retries, so that a receiver can tell a repetition. */
  readonly id: string;
  readonly event: NoticeEvent | 'test';
  readonly level: 'good' | 'info' | 'bad';
  readonly time: string;
  /** The name of this host. */
  readonly node: string;
  readonly server: { readonly id: string; readonly name: string } | null;
  readonly backup: string | null;
  readonly job: string | null;
  /** One sentence. */
  readonly message: string;
  readonly hint: string | null;
  /** Numbers and codes behind the sentence. */
  readonly data: Readonly<Record<string, string | number>>;
}

const GOOD: ReadonlySet<NoticeMessage['event']> = new Set([
  'backup.completed',
  'restore.completed',
  'server.recovered',
  'store.back',
]);
const NEUTRAL: ReadonlySet<NoticeMessage['event']> = new Set(['backup.started', 'backup.cancelled', 'test']);

export function levelOf(event: NoticeMessage['event']): NoticeMessage['level'] {
  if (GOOD.has(event)) return 'good';
  return NEUTRAL.has(event) ? 'info' : 'bad';
}

/** In UTF-8: ntfy takes 4096, and 8192 with what JSON escapes. */
const MOST_BYTES = 3000;

/**
 * The text of a message: by the channel's template, or a line for the sentence and one for its hint.
 *
 * @param escaped where the receiver reads more in a text than its words: what becomes of inserted ones.
 */
export function textOf(
  message: NoticeMessage,
  { template }: Pick<ChannelConfig, 'template'>,
  escaped: (word: string) => string = (word) => word,
): string {
  const words: Readonly<Record<string, string>> = {
    event: message.event,
    level: message.level,
    message: message.message,
    hint: message.hint ?? '',
    server: message.server?.name ?? '',
    server_id: message.server?.id ?? '',
    backup: message.backup ?? '',
    node: message.node,
    time: message.time,
  };
  const lines = template ?? (message.hint === null ? '{node}: {message}' : '{node}: {message}\n{hint}');
  // Replaced in one pass, because an inserted name may itself look like a placeholder.
  return bounded(lines.replace(/\{([a-z_]+)\}/g, (_, word: string) => escaped(printableText(words[word] ?? ''))));
}

/** Cut between two characters. */
function bounded(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= MOST_BYTES) return text;
  let end = MOST_BYTES - Buffer.byteLength('…');
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.toString('utf8', 0, end)}…`;
}

/** True where the channel is configured for that event of that server. @param server null: the event is of no server. */
export function wants({ events, servers }: ChannelConfig, event: NoticeEvent, server: string | null): boolean {
  return events.includes(event) && (server === null || servers.includes('*') || servers.includes(server));
}
