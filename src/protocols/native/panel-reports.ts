/** Reports that the panel has not accepted yet: listing, retrying, dropping. */
import { z } from '@hono/zod-openapi';
import { isoDate } from '../../base/clock.ts';
import type { DeliveryView } from '../../jobs/contract.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { jsonBody } from '../request-body.ts';
import { bearerRoute, jsonAnswer } from '../route-answers.ts';
import { ANY_ERROR } from './answers.ts';
import { guard } from './guard.ts';
import { ErrorReason } from './schemas.ts';

const ReportObject = z
  .object({
    id: z.number(),
    kind: z.enum(['backup', 'restore', 'deletion']),
    server: z.string(),
    backup: z.string(),
    job: z.string(),
    successful: z.boolean(),
    state: z
      .enum(['pending', 'parked'])
      .openapi({ description: 'parked: tried again after the next start, or on request' }),
    attempts: z.number().openapi({ description: 'Tries that failed' }),
    error: ErrorReason.optional(),
    createdAt: z.iso.datetime(),
    nextAt: z.iso.datetime().optional(),
  })
  .openapi('PanelReport');

const list = bearerRoute({
  method: 'get',
  path: '/api/panel/reports',
  summary: 'Reports that the panel is owed',
  middleware: [guard('node.read')],
  responses: { 200: jsonAnswer(z.object({ reports: ReportObject.array() }), 'Oldest first'), ...ANY_ERROR },
});

const id = z.object({ id: z.coerce.number().int().positive() });

const retry = bearerRoute({
  method: 'post',
  path: '/api/panel/reports/retry',
  summary: 'Try again at once what waits, and what the panel refused',
  middleware: [guard('node.manage'), jsonBody],
  request: { query: id.partial() },
  responses: { 200: jsonAnswer(z.object({ retried: z.number() }), 'How many had been refused'), ...ANY_ERROR },
});

const drop = bearerRoute({
  method: 'delete',
  path: '/api/panel/reports/{id}',
  summary: 'Give a report up: the panel is never told',
  middleware: [guard('node.manage'), jsonBody],
  request: { params: id },
  responses: { 200: jsonAnswer(z.object({ dropped: z.number() }), 'It is gone'), ...ANY_ERROR },
});

export function mountPanelReports(app: App, { service }: Pick<DialectDeps, 'service'>): void {
  app.openapi(list, (c) => c.json({ reports: service.deliveries().map(reportObject) }, 200));

  app.openapi(retry, (c) => c.json({ retried: service.retryDeliveries(c.req.valid('query').id) }, 200));

  app.openapi(drop, (c) => {
    const { id: dropped } = c.req.valid('param');
    service.dropDelivery(dropped);
    return c.json({ dropped }, 200);
  });
}

function reportObject(view: DeliveryView): z.infer<typeof ReportObject> {
  const { kind, server, backup, job, successful, state, attempts, error, createdAt, dueAt } = view;
  return {
    id: view.id,
    kind,
    server,
    backup,
    job,
    successful,
    state,
    attempts,
    error: error === null ? undefined : { code: error.code, message: error.message },
    createdAt: isoDate(createdAt),
    nextAt: state === 'parked' ? undefined : isoDate(dueAt),
  };
}
