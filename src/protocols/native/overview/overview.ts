/** Schedules, the history of attempts at backups, and the report of the node. */
import { holdsServer } from '../../access.ts';
import type { App, DialectDeps } from '../../dialect.ts';
import { bearerRoute, jsonAnswer } from '../../route-answers.ts';
import { ANY_ERROR } from '../answers.ts';
import { guard, nativeCaller } from '../guard.ts';
import { ServerParams } from '../schemas.ts';
import * as schemas from './schemas.ts';
import { attemptObject, reportObject, scheduleObject } from './views.ts';

const schedules = bearerRoute({
  method: 'get',
  path: '/api/schedules',
  summary: 'The schedules that make backups of servers which the token holds',
  middleware: [guard('backup.read', 'node.read')],
  responses: { 200: jsonAnswer(schemas.SchedulesObject, 'Schedules, in the order of the config'), ...ANY_ERROR },
});

const history = bearerRoute({
  method: 'get',
  path: '/api/servers/{server}/history',
  summary: 'Every attempt at a backup of the last days, also of backups that are gone',
  middleware: [guard('backup.read')],
  request: { params: ServerParams, query: schemas.HistoryQuery },
  responses: { 200: jsonAnswer(schemas.HistoryObject, 'Attempts, newest first'), ...ANY_ERROR },
});

const report = bearerRoute({
  method: 'get',
  path: '/api/report',
  summary: 'How well the node is protected, in figures',
  description: 'Age of the last good backups against their schedules, lag of copies, days until stores are full.',
  middleware: [guard('node.read')],
  responses: { 200: jsonAnswer(schemas.ReportObject, 'The report, of servers that the token holds'), ...ANY_ERROR },
});

const DAYS = 90;

export function mountOverview(app: App, { node }: Pick<DialectDeps, 'node'>): void {
  app.openapi(schedules, async (c) => {
    const caller = nativeCaller(c);
    const holds = (server: Parameters<typeof holdsServer>[1]): boolean => holdsServer(caller, server);
    const shown = (await node.schedules())
      .map((view) => scheduleObject(view, holds))
      // One that names no server of the caller's would tell of one that it does not hold.
      .filter(({ server, servers }) => server === '*' || servers.length > 0);
    return c.json({ schedules: shown }, 200);
  });

  app.openapi(report, async (c) => {
    const caller = nativeCaller(c);
    return c.json(reportObject(await node.report((server) => holdsServer(caller, server))), 200);
  });

  app.openapi(history, async (c) => {
    const { days = DAYS } = c.req.valid('query');
    const { attempts, more } = await node.history(c.get('server'), days);
    return c.json({ attempts: attempts.map(attemptObject), more }, 200);
  });
}
