/** The section `notify`: which events go to which channels, and in which words. */
import { z } from 'zod';
import { type Environment, resolvedText, secret } from './secret-source.ts';
import { Secret } from './secret.ts';
import * as value from './values.ts';

/** The events that a channel can ask for. Wire names: they stay. */
export const NOTICE_EVENTS = [
  'backup.started',
  'backup.completed',
  'backup.failed',
  'backup.cancelled',
  'backup.suspect',
  'backup.damaged',
  'restore.completed',
  'restore.failed',
  'schedule.refused',
  'server.overdue',
  'server.unprotected',
  'server.recovered',
  'store.away',
  'store.back',
] as const;

export type NoticeEvent = (typeof NOTICE_EVENTS)[number];

/** What needs an operator, and that it is over. */
const TROUBLE: readonly NoticeEvent[] = NOTICE_EVENTS.filter(
  (event) => !['backup.started', 'backup.completed', 'backup.cancelled', 'restore.completed'].includes(event),
);
const RUNS: readonly NoticeEvent[] = [
  'backup.started',
  'backup.completed',
  'backup.failed',
  'backup.cancelled',
  'schedule.refused',
  'server.overdue',
];

export const TEMPLATE_WORDS = [
  'event',
  'level',
  'message',
  'hint',
  'server',
  'server_id',
  'backup',
  'node',
  'time',
] as const;
const WORD = /\{([^{}\s]*)\}/g;

export interface NotifyConfig {
  /** Private host names, addresses and blocks that channels may lead to. */
  readonly hostAllowlist: readonly string[];
  readonly channels: readonly ChannelConfig[];
}

export interface ChannelConfig {
  readonly name: string;
  readonly type: 'webhook' | 'discord' | 'ntfy' | 'healthchecks';
  /** A URL; those of Discord and healthchecks are secrets by themselves. */
  readonly url: Secret;
  /** Signs the requests of a webhook; null: they are not signed. */
  readonly secret: Secret | null;
  /** A bearer token (ntfy); null: none. */
  readonly token: Secret | null;
  readonly events: readonly NoticeEvent[];
  /** Ids of servers, or `*`. Events that concern no single server are sent whatever this says. */
  readonly servers: readonly string[];
  /** True: a server that fails again, or completes again, is not sent again. */
  readonly onlyChanges: boolean;
  /** Text with the words of TEMPLATE_WORDS in braces; null: the channel's own. */
  readonly template: string | null;
}

export function notifySchema(environment: Environment) {
  return z
    .strictObject({
      host_allowlist: z.array(value.hostOrBlock).default([]),
      channels: z.array(channel(environment)).default([]),
    })
    .superRefine(({ channels }, context) => {
      for (const [index, { name }] of channels.entries()) {
        if (channels.findIndex((other) => other.name === name) === index) continue;
        const message = 'is the name of another channel too';
        context.addIssue({ code: 'custom', path: ['channels', index, 'name'], message });
      }
    })
    .transform(({ host_allowlist: hostAllowlist, channels }): NotifyConfig => ({ hostAllowlist, channels }));
}

const channel = (environment: Environment) =>
  z
    .strictObject({
      name: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be a short name of letters, digits, dots and hyphens'),
      type: z.enum(['webhook', 'discord', 'ntfy', 'healthchecks']),
      url: address(environment),
      secret: secret(environment, 16).nullable().default(null),
      token: secret(environment).nullable().default(null),
      events: z.array(z.enum(NOTICE_EVENTS)).min(1, 'must name an event').optional(),
      servers: z.array(value.anyServer).default(['*']),
      only_changes: z.boolean().default(false),
      template: template.nullable().default(null),
    })
    .superRefine(({ type, url }, context) => {
      if (type !== 'ntfy' || TOPIC.test(new URL(url.reveal()).pathname)) return;
      const params = { hint: 'It is letters, digits, "-" and "_", 64 at most, such as https://ntfy.sh/my-backups.' };
      context.addIssue({ code: 'custom', path: ['url'], message: 'names no topic of ntfy', params });
    })
    .transform(({ events, only_changes: onlyChanges, ...rest }): ChannelConfig => ({
      ...rest,
      events: events ?? (rest.type === 'healthchecks' ? RUNS : TROUBLE),
      onlyChanges,
    }));

/** The last part of the path; as ntfy's server takes it. */
const TOPIC = /\/[-_A-Za-z0-9]{1,64}$/;

const template = value.text.max(2000).transform((written, context) => {
  for (const [, word = ''] of written.matchAll(WORD)) {
    if ((TEMPLATE_WORDS as readonly string[]).includes(word)) continue;
    return value.refuse(
      context,
      `has no word {${word}}`,
      `There are ${TEMPLATE_WORDS.map((name) => `{${name}}`).join(', ')}.`,
    );
  }
  return written;
});

/** A URL that is kept as a secret. */
const address = (environment: Environment) =>
  resolvedText(environment).transform((written, context) => {
    const url = URL.parse(written);
    if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.hash === '')
      return new Secret(written);
    return value.refuse(context, 'must be a URL', 'Such as https://ntfy.sh/my-backups, without a user or fragment.');
  });
