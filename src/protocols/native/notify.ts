/** Notifications: the channels of the config, what waits for each, and a test of them. */
import { z } from '@hono/zod-openapi';
import { isoDate } from '../../base/clock.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { jsonBody } from '../request-body.ts';
import { bearerRoute, jsonAnswer } from '../route-answers.ts';
import { ANY_ERROR } from './answers.ts';
import { guard } from './guard.ts';

const ChannelObject = z
  .object({
    name: z.string(),
    type: z.enum(['webhook', 'discord', 'ntfy', 'healthchecks']),
    events: z.array(z.string()),
    waiting: z.number().openapi({ description: 'Messages that the channel has not taken yet' }),
    oldest: z.iso.datetime().optional(),
    error: z.string().optional().openapi({ description: 'Why the last try failed' }),
  })
  .openapi('Channel');

const TestObject = z
  .object({
    results: z.array(
      z.object({
        name: z.string(),
        delivered: z.boolean(),
        error: z.string().optional(),
        hint: z.string().optional(),
      }),
    ),
  })
  .openapi('NotifyTest');

const channels = bearerRoute({
  method: 'get',
  path: '/api/notify/channels',
  summary: 'Channels of notifications, and what waits for each',
  middleware: [guard('node.read')],
  responses: { 200: jsonAnswer(z.object({ channels: ChannelObject.array() }), 'As in the config'), ...ANY_ERROR },
});

const test = bearerRoute({
  method: 'post',
  path: '/api/notify/test',
  summary: 'Send a test to each channel, or to one',
  middleware: [guard('node.manage'), jsonBody],
  request: { query: z.object({ channel: z.string().max(64).optional() }) },
  responses: { 200: jsonAnswer(TestObject, 'What came of each'), ...ANY_ERROR },
});

export function mountNotify(app: App, { notify }: Pick<DialectDeps, 'notify'>): void {
  app.openapi(channels, (c) => {
    const shown = notify.channels().map(({ name, type, events, waiting, oldest, error }) => ({
      name,
      type,
      events: [...events],
      waiting,
      oldest: oldest === null ? undefined : isoDate(oldest),
      error: error ?? undefined,
    }));
    return c.json({ channels: shown }, 200);
  });

  app.openapi(test, async (c) => {
    const results = await notify.test(c.req.valid('query').channel, c.req.raw.signal);
    const shown = results.map(({ name, error }) => ({
      name,
      delivered: error === null,
      error: error?.message,
      hint: error?.hint ?? undefined,
    }));
    return c.json({ results: shown }, 200);
  });
}
