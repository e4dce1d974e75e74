/** What each kind of channel is sent: a message becomes one request. */
import { createHmac } from 'node:crypto';
import type { ChannelConfig } from '../../config/types.ts';
import { type NoticeMessage, textOf } from '../../jobs/notify/port.ts';
import type { Outgoing } from './guarded-post.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

/** @param now ms since the epoch. */
export function requestFor(channel: ChannelConfig, message: NoticeMessage, now: number): Outgoing {
  const url = new URL(channel.url.reveal());
  if (channel.type === 'webhook') return webhook(channel, message, url, now);
  if (channel.type === 'discord') return discord(channel, message, url);
  return channel.type === 'ntfy' ? ntfy(channel, message, url) : healthchecks(channel, message, url);
}

/**
 * Signed as https://www.standardwebhooks.com says: HMAC-SHA256 of `id.timestamp.body`, so that receivers can refuse
 * forgeries and old requests, and know a repetition by its id.
 */
function webhook(channel: ChannelConfig, message: NoticeMessage, url: URL, now: number): Outgoing {
  const body = JSON.stringify({ ...message, text: textOf(message, channel) });
  const timestamp = String(Math.floor(now / 1000));
  const headers = { ...JSON_TYPE, 'webhook-id': message.id, 'webhook-timestamp': timestamp };
  if (channel.secret === null) return { url, headers, body };
  const signed = createHmac('sha256', keyOf(channel.secret.reveal()))
    .update(`${message.id}.${timestamp}.${body}`)
    .digest('base64');
  return { url, headers: { ...headers, 'webhook-signature': `v1,${signed}` }, body };
}

/** `whsec_` and base64, as that standard writes keys; anything else is the key itself. */
function keyOf(secret: string): Buffer {
  const written = /^whsec_([A-Za-z0-9+/=]+)$/.exec(secret)?.[1];
  return written === undefined ? Buffer.from(secret, 'utf8') : Buffer.from(written, 'base64');
}

const COLOURS = { good: 0x2e_a0_43, info: 0x6e_77_81, bad: 0xd1_24_2f } as const;

/**
 * https://discord.com/developers/docs/resources/webhook#execute-webhook. Mentions are off, so that a server named
 * `@everyone` pings no one, and Markdown in inserted names is text: a link must show where it leads.
 */
function discord(channel: ChannelConfig, message: NoticeMessage, url: URL): Outgoing {
  const description = textOf(message, channel, (word) => word.replace(/[\\*_~`|>#[\]()<]/g, '\\$&'));
  const embed = { title: message.event, description, color: COLOURS[message.level], timestamp: message.time };
  return { url, headers: JSON_TYPE, body: JSON.stringify({ embeds: [embed], allowed_mentions: { parse: [] } }) };
}

const PRIORITIES = { good: 2, info: 2, bad: 4 } as const;
const TAGS = { good: 'white_check_mark', info: 'information_source', bad: 'rotating_light' } as const;

/** https://docs.ntfy.sh/publish/#publish-as-json: the topic is the last part of the URL's path, by the config. */
function ntfy(channel: ChannelConfig, message: NoticeMessage, written: URL): Outgoing {
  const url = new URL(written);
  const [, path, topic] = /^(.*\/)([^/]+)$/.exec(url.pathname) ?? [];
  url.pathname = path ?? '/';
  const { event, level } = message;
  const content = {
    topic,
    title: event,
    message: textOf(message, channel),
    priority: PRIORITIES[level],
    tags: [TAGS[level]],
  };
  const bearer = channel.token === null ? [] : [['authorization', `Bearer ${channel.token.reveal()}`]];
  return {
    url,
    headers: { ...JSON_TYPE, ...(Object.fromEntries(bearer) as Record<string, string>) },
    body: JSON.stringify(content),
  };
}

/** https://healthchecks.io/docs/http_api/: `/start`, `/fail`, or the check's own address; a run's id pairs start and end. */
function healthchecks(channel: ChannelConfig, message: NoticeMessage, written: URL): Outgoing {
  const url = new URL(written);
  const signal = message.event === 'backup.started' ? '/start' : message.level === 'good' ? '' : failed(message);
  url.pathname = url.pathname.replace(/\/+$/, '') + signal;
  if (message.job !== null) url.searchParams.set('rid', message.job);
  return { url, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: textOf(message, channel) };
}

/** A test is noted without changing the check's state. */
function failed({ event }: NoticeMessage): string {
  return event === 'test' ? '/log' : '/fail';
}
